package org.edgectc.keyboard;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.content.Context;
import android.content.res.AssetManager;
import android.os.Looper;
import android.view.inputmethod.EditorInfo;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Collections;
import org.edgectc.Typing;
import org.junit.Test;

/** A real message, letter for letter, and no text outside of its field. */
public class MessageTest {
  private static String words() throws Exception {
    File file = new File(Context.files, "words");
    return file.exists() ? new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8) : "";
  }

  @Test
  public void aMessageComesOutLetterForLetter() throws Exception {
    Device device = new Device();
    FakeField message = device.focus(FakeField.MULTI, EditorInfo.IME_FLAG_NO_ENTER_ACTION);
    device.type("Hi Anna, ");
    device.swipe("meet");
    device.swipe("me");
    device.type(" at 10:30 (gate B7)! Mail anna.b@example.org or ");
    device.burst("call me");
    assertEquals("Hi Anna, meet me at 10:30 (gate B7)! Mail anna.b@example.org or call me", message.text.toString());
    FakeField secret = device.focus(FakeField.PASSWORD, 0);
    assertEquals(Collections.emptyList(), device.shown());
    device.type("hunter2#Xy");
    device.burst("qzp");
    assertEquals("hunter2#Xyqzp", secret.text.toString());
    assertEquals(Collections.emptyList(), device.shown());
    device.focus(message);
    device.rotate();
    device.type(".\nSee you ");
    device.swipe("tomorrow");
    device.rotate();
    device.type("!");
    assertEquals(
        "Hi Anna, meet me at 10:30 (gate B7)! Mail anna.b@example.org or call me.\nSee you tomorrow!", message.text.toString());
    assertEquals("hunter2#Xyqzp", secret.text.toString());
    device.focus(FakeField.PLAIN, 0);
    assertTrue(words().contains("tomorrow"));
    assertFalse(words().contains("hunter"));
    assertFalse(words().contains("qzp"));
  }

  @Test
  public void everyKindOfFieldIsWrittenAsItIs() throws Exception {
    Device device = new Device();
    int[] kinds = {FakeField.PASSWORD, FakeField.EMAIL, FakeField.ADDRESS, FakeField.NO_SUGGESTIONS, 0x91, 0xe1, 0xb1};
    for (int kind : kinds) {
      FakeField field = device.focus(kind, 0);
      assertEquals(Typing.Shift.OFF, device.view.shift());
      device.type("teh dont i. a");
      device.swipe("hello"); // no word: the finger ends on a letter
      assertEquals("teh dont i. ao", field.text.toString());
      assertEquals(Collections.emptyList(), device.shown());
    }
    assertEquals("@", device.focus(FakeField.EMAIL, 0) == null ? "" : device.key("@").label);
    device.focus(FakeField.ADDRESS, 0);
    assertTrue(device.key("/") != null);
    for (int kind : new int[] {FakeField.NUMBER, FakeField.PHONE, 0x12, 4}) {
      FakeField field = device.focus(kind, 0);
      assertEquals(Board.Page.NUMBERS, device.view.page());
      for (String digit : "2025".split("")) device.tap(device.key(digit));
      assertEquals("2025", field.text.toString());
    }
    assertEquals("", words().replaceAll("[^a-z]", "").replace("version", "").contains("dont") ? "learnt" : "");
  }

  @Test
  public void nothingIsLearntWhereAFieldForbidsIt() throws Exception {
    Device device = new Device();
    device.focus(FakeField.SENTENCES, FakeField.NO_LEARNING);
    device.swipe("tomorrow");
    device.swipe("morning");
    device.type(" ");
    device.focus(FakeField.SENTENCES, 0);
    assertFalse(words().contains("orrow"));
    device.settings().set(Settings.LEARN, false);
    device.focus(FakeField.SENTENCES, 0);
    device.swipe("tomorrow");
    device.swipe("morning");
    device.focus(FakeField.SENTENCES, 0);
    assertFalse(words().contains("orrow"));
  }

  @Test
  public void anAnswerBelongsToItsField() throws Exception {
    Device device = new Device();
    FakeField first = device.focus(FakeField.SENTENCES, 0);
    Looper.othersWait = true; // as slow as can be
    device.draw("hello");
    FakeField second = device.focus(FakeField.PASSWORD, 0);
    device.up(0, 200);
    Looper.othersWait = false;
    assertEquals(Collections.emptyList(), device.shown());
    assertEquals("", first.text.toString());
    assertEquals("", second.text.toString());
    device.focus(first);
    Looper.othersWait = true;
    device.swipe("hello");
    device.burst("you");
    Looper.othersWait = false;
    Looper.advance(100);
    assertEquals("Hello you", first.text.toString());
  }

  @Test
  public void theModelIsUnpackedOnce() throws Exception {
    Device device = new Device();
    device.focus(FakeField.SENTENCES, 0);
    AssetManager.OPENED.clear();
    Device again = new Device(false);
    FakeField field = again.focus(FakeField.SENTENCES, 0);
    again.swipe("hello");
    assertEquals("Hello", field.text.toString());
    assertEquals("[layouts.txt, model/id]", AssetManager.OPENED.toString());
  }
}
