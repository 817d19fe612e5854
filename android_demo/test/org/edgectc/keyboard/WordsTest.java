package org.edgectc.keyboard;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.graphics.Canvas;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.edgectc.keyboard.Board.Key;
import org.edgectc.keyboard.Board.Kind;
import org.junit.Test;

/** Corrections, completions, next words, and how they are taken back; pictures of all that. */
public class WordsTest {
  /** Taps beside the middle of a key, by shares of its size. */
  private static void near(Device device, String letter, double right, double down) {
    Key key = device.key(letter);
    device.tap((float) (key.middle() + right * key.width), (float) (key.y + (0.5 + down) * key.height));
  }

  @Test
  public void aForetoldWordFollowsTheWordThatWasPicked() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    device.type("tomor");
    device.pick("tomorrow");
    device.pick(device.shown().get(1));
    assertTrue(field.text.toString(), field.text.toString().matches("tomorrow \\p{L}+"));
    field = device.focus(FakeField.SENTENCES, 0);
    device.swipe("hello");
    String other = device.shown().get(0);
    device.pick(other); // in place of the swiped one
    device.pick(device.shown().get(1)); // after it
    assertTrue(field.text.toString(), field.text.toString().matches(other + " \\p{L}+"));
  }

  @Test
  public void whatIsMeantIsWrittenAndCanBeTakenBack() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    near(device, "t", 0.3, 0.1);
    near(device, "j", -0.55, 0); // beside h
    near(device, "w", 0.45, 0); // beside e
    device.type(" dont ");
    assertEquals("The don't ", field.text.toString());
    device.tap(Kind.DELETE);
    assertEquals("The dont ", field.text.toString());
    device.type("dont ");
    assertEquals("The dont dont ", field.text.toString()); // it is the user's now
    device.type("i ");
    assertEquals("The dont dont I ", field.text.toString());
    device.type("said");
    device.tap(Kind.SPACE);
    device.tap(Kind.SPACE);
    assertEquals("The dont dont I said. ", field.text.toString());
    device.type("Ok");
    assertEquals("The dont dont I said. Ok", field.text.toString());
  }

  @Test
  public void aSwipedWordIsTakenBackOrExchanged() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    device.swipe("hello");
    List<String> offered = device.shown();
    assertEquals("Hello", offered.get(1)); // the best in the middle
    device.pick(offered.get(0));
    assertEquals(offered.get(0), field.text.toString());
    device.swipe("world");
    device.tap(Kind.DELETE);
    assertEquals(offered.get(0), field.text.toString());
    device.type("s ");
    assertEquals(offered.get(0) + "s ", field.text.toString());
    device.type("and");
    device.swipe("you");
    device.type(".");
    device.type("Fine");
    assertTrue(field.text.toString(), field.text.toString().endsWith("and you. Fine"));
  }

  @Test
  public void wordsAreCompletedAndForeseen() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    device.type("Thank ");
    assertEquals("you", device.shown().get(1));
    device.pick("you");
    assertEquals("Thank you", field.text.toString());
    device.type(" tomo");
    assertTrue(device.shown().toString(), device.shown().contains("tomorrow"));
    assertTrue(device.shown().contains("tomo")); // what was typed can be kept
    device.pick("tomorrow");
    device.type("we");
    assertEquals("Thank you tomorrow we", field.text.toString());
    device.settings().set(Settings.SUGGEST, false);
    device.focus(FakeField.SENTENCES, 0);
    device.type("Thank ");
    assertEquals(new ArrayList<String>(), device.shown());
  }

  @Test
  public void wordsOfTheUserAreKeptAndForgotten() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PLAIN, 0);
    device.type("zyxgle");
    device.pick("zyxgle");
    device.focus(FakeField.PLAIN, 0);
    device.ime.onDestroy();
    Device later = new Device(false);
    field = later.focus(FakeField.PLAIN, 0);
    later.swipe("zyxgle");
    assertEquals("zyxgle", field.text.toString());
    later.settings().set(Settings.CLEAR, true);
    field = later.focus(FakeField.PLAIN, 0);
    later.swipe("zyxgle");
    assertFalse(field.text.toString().equals("zyxgle"));
    assertFalse(later.settings().is(Settings.CLEAR));
  }

  @Test
  public void whatIsPickedStandsInPlace() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PLAIN, 0);
    device.type("a.tomo");
    device.shown();
    device.pick("tomorrow");
    assertEquals("a.tomorrow", field.text.toString());
    field.commitText(" and ", 1); // not by a space that was typed
    android.os.Looper.advance(20);
    device.type(" ");
    assertEquals("a.tomorrow and  ", field.text.toString());
  }

  @Test
  public void correctionsCanBeTurnedOff() throws Exception {
    Device device = new Device();
    device.settings().set(Settings.CORRECT, false);
    FakeField field = device.focus(FakeField.PLAIN, 0);
    device.type("teh ");
    assertEquals("teh ", field.text.toString());
  }

  @Test
  public void whatOthersChangeIsNotCorrected() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PLAIN, 0);
    device.type("teh");
    field.put(0);
    android.os.Looper.advance(20);
    device.type("x");
    field.put(4);
    android.os.Looper.advance(20);
    device.type(" ");
    assertEquals("xteh ", field.text.toString());
    field.text.setLength(0); // the app empties it, and says nothing yet
    field.start = field.end = 0;
    device.type("on ");
    assertEquals("on ", field.text.toString());
  }

  /** Nothing is drawn over anything else, or beyond the edge. */
  private static void tidy(Canvas canvas, float stripHeight) {
    List<Canvas.Text> strip = new ArrayList<>(), rest = canvas.texts;
    for (Canvas.Text text : rest) {
      assertTrue(text.text, text.left >= -0.5 && text.right <= canvas.image.getWidth() + 0.5);
      if (text.y < stripHeight) strip.add(text);
    }
    for (int i = 1; i < strip.size(); i++) assertTrue(strip.get(i).text, strip.get(i).left >= strip.get(i - 1).right);
  }

  @Test
  public void thePicturesAreTidy() throws Exception {
    Device device = new Device();
    device.focus(FakeField.SENTENCES, 0);
    tidy(device.picture("letters"), device.view.stripHeight());
    device.type("Thank ");
    device.shown();
    tidy(device.picture("next"), device.view.stripHeight());
    device.draw("thermoluminescence");
    device.shown();
    tidy(device.picture("moving"), device.view.stripHeight());
    Key e = device.key("e");
    device.up(e.middle(), e.y + 1);
    device.shown();
    tidy(device.picture("swiped"), device.view.stripHeight());
    device.down(e.middle(), e.y + e.height / 2);
    tidy(device.picture("preview"), 0); // over the strip, for the row below it
    android.os.Looper.advance(Touches.HOLD_MS + 20);
    tidy(device.picture("accents"), 0);
    device.up(e.middle(), e.y + e.height / 2);
    device.page(Board.Page.SIGNS);
    tidy(device.picture("signs"), device.view.stripHeight());
    device.page(Board.Page.MORE_SIGNS);
    tidy(device.picture("more_signs"), device.view.stripHeight());
    device.focus(FakeField.PHONE, 0);
    tidy(device.picture("phone"), device.view.stripHeight());
    device.focus(FakeField.NUMBER, 0);
    tidy(device.picture("number"), device.view.stripHeight());
    device.focus(FakeField.EMAIL, android.view.inputmethod.EditorInfo.IME_ACTION_NEXT);
    tidy(device.picture("email"), device.view.stripHeight());
    device.focus(FakeField.PASSWORD, 0);
    tidy(device.picture("password"), device.view.stripHeight());
    for (String layout : Arrays.asList("azerty", "dvorak", "german", "turkish_q", "qwerty")) {
      device.settings().layout(layout);
      device.focus(FakeField.SENTENCES, 0);
      tidy(device.picture(layout), device.view.stripHeight());
    }
    device.settings().side(1);
    device.ime.getResources().getConfiguration().uiMode = 0x20;
    device.focus(FakeField.SENTENCES, 0);
    tidy(device.picture("right_dark"), device.view.stripHeight());
    device.settings().side(0);
    device.rotate();
    tidy(device.picture("landscape"), device.view.stripHeight());
  }
}
