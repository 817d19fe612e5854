package org.edgectc.keyboard;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.net.Uri;
import android.view.MotionEvent;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.TextView;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.edgectc.keyboard.Board.Key;
import org.junit.Test;

/** The phone kit's screen, from its measures to the file; `run_tests` gives that to `edgectc bench`. */
public class KitTest {
  private KitActivity kit;

  private ViewGroup page() {
    return (ViewGroup) kit.content;
  }

  private String text() {
    return ((TextView) page().children.get(0)).text;
  }

  private Button button(int place) {
    return (Button) page().children.get(1 + place);
  }

  private KeyboardView keys() {
    return (KeyboardView) page().children.get(4);
  }

  private void send(int action, float x, float y, long now) {
    keys().onTouchEvent(new MotionEvent(action, 0, now, new int[] {0}, new float[] {x, y}));
  }

  private Key key(char letter) {
    for (Key key : keys().board().keys) {
      if (key.label.equals(String.valueOf(letter))) return key;
    }
    throw new AssertionError(letter);
  }

  private void swipe(String word) {
    Key first = key(word.charAt(0));
    float x = first.middle(), y = first.y + first.height / 2;
    long now = 5000;
    send(MotionEvent.ACTION_DOWN, x, y, now);
    for (int i = 0; i < word.length(); i++) {
      Key key = key(word.charAt(i));
      float toX = key.middle(), toY = key.y + key.height / 2, fromX = x, fromY = y;
      for (int step = 1; step <= 8; step++) {
        x = fromX + (toX - fromX) * step / 8;
        y = fromY + (toY - fromY) * step / 8;
        send(MotionEvent.ACTION_MOVE, x, y, now += 12);
      }
    }
    send(MotionEvent.ACTION_UP, x, y, now);
  }

  @Test
  public void itMeasuresAsksAndSavesOneFile() throws Exception {
    new Device(); // the app's files in their place
    kit = new KitActivity();
    kit.create();
    for (int i = 0; i < 3000 && page().children.size() < 5; i++) {
      Thread.sleep(20);
      kit.settle();
    }
    keys().layout(Device.WIDE);
    assertTrue(text(), text().contains("1 of 20") && text().contains("the"));
    swipe("the");
    assertTrue(text(), text().contains("2 of 20") && text().endsWith("the"));
    swipe("keyboard"); // asked for was another one
    assertTrue(text(), text().endsWith("keyboard"));
    button(0).click();
    assertTrue(text(), text().contains("4 of 20"));
    button(1).click();
    assertTrue(text(), text().contains("✓ the model's own cases, 16"));
    assertTrue(text(), text().contains("1 of 2 swipes right at first"));
    assertEquals(View.GONE, keys().visibility);
    button(2).click();
    assertEquals("edgectc-phone.json", kit.asked.extras.get("title"));
    kit.answer(null); // the user thought better of it
    File file = new File(System.getProperty("edgectc.saved"));
    kit.answer(new Intent("", new Uri(file)));
    String saved = new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8);
    assertTrue(saved, saved.contains("\"name\": \"Fake One\"") && saved.contains("\"passed\": true"));
    kit.destroy();
  }

  @Test
  public void whatCannotBeSavedIsSaid() throws Exception {
    new Device();
    kit = new KitActivity();
    Saved.write(kit, new Intent("", new Uri(new File("/nowhere/at/all"))), "text");
    assertTrue(android.widget.Toast.last, android.widget.Toast.last.contains("not saved"));
  }
}
