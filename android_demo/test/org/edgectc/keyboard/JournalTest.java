package org.edgectc.keyboard;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.content.Context;
import android.view.inputmethod.EditorInfo;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.junit.Before;
import org.junit.Test;

/** What is noted of typing, and what is not. */
public class JournalTest {
  private Device device;

  @Before
  public void forget() throws IOException {
    device = new Device();
    Notes.delete(device.ime);
  }

  private void want(String... settings) {
    for (String one : settings) device.settings().set(one, true);
  }

  private static String file(String name) throws IOException {
    File file = new File(Context.files, name);
    return file.exists() ? new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8) : "";
  }

  /** Leaves the field, so that what was noted is kept; returns the lines of a file. */
  private String[] left(String name) throws IOException {
    device.focus(FakeField.PLAIN, 0);
    return file(name).isEmpty() ? new String[0] : file(name).split("\n");
  }

  @Test
  public void nothingIsNotedUnlessItIsWanted() throws IOException {
    device.focus(FakeField.SENTENCES, 0);
    device.swipe("hello");
    device.type(" teh ");
    assertEquals(0, left(Notes.LEDGER).length);
    assertEquals(0, left(Notes.SWIPES).length);
  }

  @Test
  public void ranksConfidenceTimesAndCorrectionsAreNotedWithoutText() throws IOException {
    want(Settings.LEDGER);
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    device.swipe("hello");
    String other = device.shown().get(0); // left of the best one
    device.pick(other);
    device.type(" teh ");
    assertTrue(field.text.toString(), field.text.toString().endsWith(" the "));
    device.tap(Board.Kind.DELETE); // takes the correction back
    device.type("thanl ");
    String[] lines = left(Notes.LEDGER);
    assertEquals("{\"edgectc_ledger\": 1, \"host\": \"android\"}", lines[0]);
    assertTrue(lines[1], lines[1].matches("\\{\"by\": \"gesture\", \"rank\": 2, \"probability\": 0\\.\\d+, \"ms\": \\d+\\.\\d+, \"foreseen\": false\\}"));
    assertTrue(lines[2], lines[2].startsWith("{\"by\": \"taps\", \"rank\": 1, \"ms\": "));
    assertTrue(lines[2], lines[2].contains("\"corrected\": true, \"undone\": true"));
    assertTrue(lines[3], lines[3].contains("\"corrected\": true") && !lines[3].contains("undone"));
    assertEquals(4, lines.length);
    for (String word : new String[] {"hello", "teh", "the", "thank", other}) assertFalse(word, file(Notes.LEDGER).toLowerCase().contains(word.toLowerCase()));
    assertEquals("", file(Notes.SWIPES));
  }

  @Test
  public void pickedAndForetoldWordsAreNotedAndDeletedSwipesAreNone() throws IOException {
    want(Settings.LEDGER);
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    device.type("tomor");
    device.pick("tomorrow");
    device.shown();
    String next = device.shown().get(1);
    device.pick(next);
    device.swipe("keyboard");
    device.tap(Board.Kind.DELETE);
    assertEquals("tomorrow " + next, field.text.toString().trim());
    String[] lines = left(Notes.LEDGER);
    assertTrue(lines[1], lines[1].startsWith("{\"by\": \"completion\", \"rank\": "));
    assertEquals("{\"by\": \"next\", \"rank\": 1, \"foreseen\": true}", lines[2]);
    assertTrue(lines[3], lines[3].startsWith("{\"by\": \"gesture\", \"rank\": 0, "));
    assertTrue(lines[3], lines[3].endsWith("\"foreseen\": false}"));
  }

  @Test
  public void swipesAreRecordedInTheFormatOfDataWithTheWordThatTheyBecame() throws IOException {
    want(Settings.RECORD);
    device.focus(FakeField.SENTENCES, 0);
    device.swipe("hello");
    device.pick(device.shown().get(0));
    device.swipe("keyboard");
    device.swipe("tomorrow");
    device.tap(Board.Kind.DELETE); // was not meant
    String[] lines = left(Notes.SWIPES);
    assertEquals(2, lines.length);
    assertFalse(lines[0], lines[0].contains("\"word\": \"Hello\""));
    assertTrue(lines[1], lines[1].contains("\"word\": \"keyboard\", \"user\": \"me\""));
    // The finger goes down on the middle of k: 0.05 + 7.5 keys of a tenth, the second row of three.
    assertTrue(lines[1], lines[1].startsWith("{\"layout\": \"qwerty\", \"points\": [[0.8000,0.5000,0.0],"));
    assertEquals("", file(Notes.LEDGER));
  }

  @Test
  public void nothingIsNotedOfFieldsThatForbidIt() throws IOException {
    want(Settings.LEDGER, Settings.RECORD);
    device.focus(FakeField.SENTENCES, FakeField.NO_LEARNING);
    device.swipe("hello");
    device.type(" teh ");
    device.focus(FakeField.PASSWORD, EditorInfo.IME_FLAG_NO_ENTER_ACTION);
    device.type("teh ");
    assertEquals(0, left(Notes.LEDGER).length);
    assertEquals(0, left(Notes.SWIPES).length);
  }
}
