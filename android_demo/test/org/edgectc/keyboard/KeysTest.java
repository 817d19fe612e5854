package org.edgectc.keyboard;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import android.graphics.Canvas;
import android.media.AudioManager;
import android.os.Bundle;
import android.os.Looper;
import android.view.KeyEvent;
import android.view.MotionEvent;
import android.view.View;
import android.view.WindowInsets;
import android.view.accessibility.AccessibilityEvent;
import android.view.accessibility.AccessibilityNodeInfo;
import android.view.accessibility.AccessibilityNodeProvider;
import android.view.inputmethod.EditorInfo;
import java.util.ArrayList;
import java.util.List;
import org.edgectc.Typing;
import org.edgectc.keyboard.Board.Key;
import org.edgectc.keyboard.Board.Kind;
import org.junit.Test;

/** What single keys do, how they look, and what is said of them. */
public class KeysTest {
  @Test
  public void aSwipeThatBeginsSlowlyIsASwipe() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    Board.Key first = device.key("i"); // offers its digit and accents
    device.down(first.middle(), first.y + first.height / 2);
    android.os.Looper.advance(Touches.HOLD_MS + 50); // accents are offered by now
    float x = first.middle(), y = first.y + first.height / 2;
    for (String letter : "n k".split(" ")) {
      Board.Key key = device.key(letter);
      float toX = key.middle(), toY = key.y + key.height / 2, fromX = x, fromY = y;
      for (int step = 1; step <= 9; step++) {
        x = fromX + (toX - fromX) * step / 9;
        y = fromY + (toY - fromY) * step / 9;
        device.move(x, y);
      }
    }
    device.up(x, y);
    assertEquals("Ink", field.text.toString());
  }

  @Test
  public void aLongPressOffersAccentsAndDigits() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PLAIN, 0);
    device.type("caf");
    device.hold(device.key("e"), 1); // after the digit of its column
    assertEquals("café", field.text.toString());
    device.type(" ");
    device.hold(device.key("t"), 0);
    assertEquals("café 5", field.text.toString()); // chosen with care: not corrected
    device.hold(device.key("."), 1);
    assertEquals("café 5?", field.text.toString());
  }

  @Test
  public void shiftCapsAndTheSpaceBar() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PLAIN, 0);
    device.tap(Kind.SHIFT);
    device.tap(device.key("n"));
    assertEquals(Typing.Shift.OFF, device.view.shift());
    device.tap(Kind.SHIFT);
    device.tap(Kind.SHIFT);
    assertEquals(Typing.Shift.LOCK, device.view.shift());
    device.type("ASA ");
    assertEquals("NASA ", field.text.toString());
    assertEquals(Typing.Shift.LOCK, device.view.shift());
    device.swipe("hello");
    assertEquals("NASA HELLO", field.text.toString());
    device.tap(Kind.SHIFT);
    Key space = device.key(Kind.SPACE);
    float step = device.view.getWidth() / 30f;
    device.slide(space, -step * 5, true);
    assertEquals("NASA ".length(), field.end);
    device.slide(space, -step * 50, true); // no further than the text goes
    assertEquals(0, field.end);
    device.slide(space, step * 4, true);
    assertEquals(4, field.end);
    device.type("x");
    assertEquals("NASAx HELLO", field.text.toString());
  }

  @Test
  public void deleteRepeatsAndSlides() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PASSWORD, 0); // no word of its own is taken back
    field.commitText("one two three four five", 1);
    Looper.advance(20);
    Key delete = device.key(Kind.DELETE);
    device.tap(delete);
    assertEquals("one two three four fiv", field.text.toString());
    device.down(delete.middle(), delete.y + 5);
    Looper.advance(Touches.HOLD_MS + 2 * Touches.REPEAT_MS + 5);
    device.up(delete.middle(), delete.y + 5);
    assertEquals("one two three four ", field.text.toString());
    float word = device.view.getWidth() / 10f;
    device.slide(delete, -2 * word, false);
    assertEquals("three four ", field.getSelectedText(0).toString());
    device.up(delete.middle() - 2 * word, delete.y + delete.height / 2);
    assertEquals("one two ", field.text.toString());
    device.down(delete.middle(), delete.y + 5);
    Looper.advance(3000);
    device.up(delete.middle(), delete.y + 5);
    assertEquals("", field.text.toString());
    assertTrue(device.ime.sent.contains(KeyEvent.KEYCODE_DEL)); // an empty field may have its own use of it
    field.commitText("a👍🏽e\u0301", 1);
    Looper.advance(20);
    device.tap(delete);
    assertEquals("a👍🏽", field.text.toString());
    device.slide(delete, -2 * word, false);
    device.move(delete.middle(), delete.y + delete.height / 2); // thought better of it
    device.up(delete.middle(), delete.y + delete.height / 2);
    assertEquals("a👍🏽", field.text.toString());
    assertNull(field.getSelectedText(0));
  }

  @Test
  public void enterDoesWhatTheFieldAsksFor() throws Exception {
    Device device = new Device();
    FakeField search = device.focus(FakeField.PLAIN, EditorInfo.IME_ACTION_SEARCH);
    device.type("teh\n");
    assertEquals(EditorInfo.IME_ACTION_SEARCH, search.action);
    assertEquals("teh", search.text.toString());
    boolean named = false;
    for (Canvas.Text text : device.picture("search").texts) named |= text.text.equals("Search");
    assertTrue(named);
    FakeField lines = device.focus(FakeField.MULTI, EditorInfo.IME_ACTION_DONE | EditorInfo.IME_FLAG_NO_ENTER_ACTION);
    device.type("Hi\n");
    assertEquals("Hi\n", lines.text.toString());
    assertEquals(0, lines.action);
    device.focus(0, 0); // a terminal
    device.tap(Kind.ENTER);
    assertTrue(device.ime.sent.contains(KeyEvent.KEYCODE_ENTER));
  }

  @Test
  public void everySignCanBeTyped() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.PASSWORD, 0);
    StringBuilder all = new StringBuilder();
    for (char c = 33; c < 127; c++) all.append(c);
    all.append("£€¥°§×÷");
    String typed = all.toString().replace("<", "").replace(">", "").replace("§", "");
    device.type(typed);
    assertEquals(typed, field.text.toString());
    device.page(Board.Page.SIGNS);
    device.hold(device.key("("), 0);
    device.hold(device.key(")"), 0);
    assertTrue(field.text.toString().endsWith("<>"));
  }

  private static AccessibilityNodeInfo node(Device device, int id) {
    return device.view.getAccessibilityNodeProvider().createAccessibilityNodeInfo(id);
  }

  @Test
  public void aScreenReaderFindsSpeaksAndTypes() throws Exception {
    Device device = new Device();
    FakeField field = device.focus(FakeField.SENTENCES, 0);
    AccessibilityNodeProvider nodes = device.view.getAccessibilityNodeProvider();
    List<String> said = new ArrayList<>();
    device.view.parent = (child, event) -> {
      if (event.type == AccessibilityEvent.TYPE_VIEW_HOVER_ENTER) said.add(event.said.toString());
      return true;
    };
    int a = device.view.board().keys.indexOf(device.key("a"));
    assertEquals("Capital A", node(device, a).said.toString());
    assertEquals((int) device.key("a").y + 1000, node(device, a).place.top);
    nodes.performAction(a, AccessibilityNodeInfo.ACTION_CLICK, new Bundle());
    assertEquals("A", field.text.toString());
    for (Key key : device.view.board().keys) {
      String text = node(device, device.view.board().keys.indexOf(key)).said.toString();
      assertFalse(text, text.trim().isEmpty() || "⇧⌫⏎,.".contains(text));
    }
    Key b = device.key("b"), space = device.key(Kind.SPACE);
    for (Key key : new Key[] {b, space}) {
      device.view.hover(new MotionEvent(MotionEvent.ACTION_HOVER_ENTER, 0, 0, new int[] {0}, new float[] {key.middle(), key.y + 9}));
    }
    device.view.hover(new MotionEvent(MotionEvent.ACTION_HOVER_EXIT, 0, 0, new int[] {0}, new float[] {space.middle(), space.y + 9}));
    assertEquals("[b, Space]", said.toString());
    assertEquals("A ", field.text.toString());
    List<Integer> children = node(device, View.NO_ID).children;
    assertEquals(device.view.board().keys.size() + device.shown().size(), children.size());
    int best = children.get(children.size() - 2);
    String word = node(device, best).said.toString();
    nodes.performAction(best, AccessibilityNodeInfo.ACTION_CLICK, new Bundle());
    assertEquals("A " + word, field.text.toString());
    assertNull(node(device, 500));
  }

  @Test
  public void settingsAreHeard() throws Exception {
    Device device = new Device();
    Settings settings = device.settings();
    device.focus(FakeField.PLAIN, 0);
    int high = device.view.getHeight();
    View.vibrated = AudioManager.played = 0;
    device.type("a");
    assertEquals(1, View.vibrated);
    assertEquals(0, AudioManager.played);
    settings.set(Settings.HAPTICS, false);
    settings.set(Settings.SOUND, true);
    settings.set(Settings.NUMBER_ROW, true);
    device.focus(FakeField.PLAIN, 0);
    assertNotNull(device.key("7"));
    assertEquals(high * 5 / 4, device.view.getHeight(), high * 0.06);
    device.type("a");
    assertEquals(1, View.vibrated);
    assertEquals(1, AudioManager.played);
    settings.side(1);
    FakeField field = device.focus(FakeField.PLAIN, 0);
    assertEquals(device.view.getWidth() * 0.2f, device.key("q").x, 0.5f);
    device.swipe("hello");
    assertEquals("hello", field.text.toString());
    device.tap(Kind.SIDE);
    assertEquals(0, device.key("q").x, 0.5f);
    String first = device.key(Kind.LAYOUT) == null ? "" : settings.layout();
    device.tap(Kind.LAYOUT);
    assertFalse(first.equals(settings.layout()));
    device.type(" ");
    device.swipe("world");
    assertEquals("hello world", field.text.toString());
    for (Layout layout : Layout.of(Model.text(device.ime, "layouts.txt"))) assertFalse(layout.name.contains("russian"));
  }

  @Test
  public void coloursAreThoseThatWereChosenAndCanBeRead() {
    assertEquals(Palette.LIGHT, Palette.of("system", false));
    assertEquals(Palette.DARK, Palette.of("", true));
    assertEquals(Palette.LIGHT, Palette.of("light", true));
    assertEquals(Palette.DARK, Palette.of("dark", false));
    assertEquals(Palette.CONTRAST, Palette.of("contrast", false));
    for (Palette one : new Palette[] {Palette.LIGHT, Palette.DARK, Palette.CONTRAST}) {
      double least = one == Palette.CONTRAST ? 7 : 4.5;
      for (int key : new int[] {one.key, one.special, one.board}) assertTrue(contrast(one.ink, key) >= least);
      assertTrue(contrast(one.onAccent, one.accent) >= least);
    }
  }

  /** The ratio of luminances of WCAG 2. */
  private static double contrast(int one, int other) {
    double a = luminance(one), b = luminance(other);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }

  private static double luminance(int colour) {
    double sum = 0;
    double[] weights = {0.2126, 0.7152, 0.0722};
    for (int i = 0; i < 3; i++) {
      double part = (colour >> (16 - 8 * i) & 255) / 255.0;
      sum += weights[i] * (part <= 0.04045 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4));
    }
    return sum;
  }

  @Test
  public void itKeepsOffTheEdgeAndFitsWhenTurned() throws Exception {
    Device device = new Device();
    device.focus(FakeField.PLAIN, 0);
    int high = device.view.getHeight();
    device.view.onApplyWindowInsets(new WindowInsets(48));
    Looper.advance(20);
    assertEquals(high + 48, device.view.getHeight());
    Key last = device.key(Kind.SPACE);
    assertEquals(high, last.y + last.height, 1);
    device.rotate();
    assertTrue(device.view.getHeight() < Device.WIDE * 0.6);
    assertFalse(device.ime.onEvaluateFullscreenMode());
  }
}
