package org.edgectc.keyboard;

import android.content.Context;
import android.content.res.AssetManager;
import android.content.res.Configuration;
import android.graphics.Canvas;
import android.os.Looper;
import android.view.MotionEvent;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.edgectc.Typing;
import org.edgectc.keyboard.Board.Key;
import org.edgectc.keyboard.Board.Kind;

/** A phone and the person who holds it: fingers on keys, by the clock of the fakes. */
final class Device {
  static final int WIDE = 720, HIGH = 1480;
  final SwipeKeyboard ime = new SwipeKeyboard();
  KeyboardView view;
  FakeField field;

  /** Begins with nothing kept, the model in place. */
  Device() throws IOException {
    this(true);
  }

  Device(boolean fresh) throws IOException {
    AssetManager.folder = new File(System.getProperty("edgectc.assets"));
    Looper.reset();
    Configuration screen = ime.getResources().getConfiguration();
    screen.orientation = Configuration.ORIENTATION_PORTRAIT;
    screen.uiMode = 0;
    if (fresh) {
      Context.forgetSettings();
      Context.files = new File(System.getProperty("edgectc.files"));
      Context.files.mkdirs();
      new File(Context.files, "words").delete();
    }
    ime.onCreate();
    Looper.advance(50);
  }

  Settings settings() {
    return Settings.of(ime);
  }

  /** Turns to a new field of that kind. */
  FakeField focus(int type, int options) {
    return focus(new FakeField(this, type, options));
  }

  FakeField focus(FakeField next) {
    if (field != null) ime.onFinishInput();
    field = next;
    ime.editor = next;
    next.info.initialSelEnd = next.end;
    ime.onStartInput(next.info, false);
    if (view == null) show(WIDE);
    ime.onStartInputView(next.info, false);
    Looper.advance(20);
    return next;
  }

  private void show(int width) {
    view = (KeyboardView) ime.onCreateInputView();
    view.layout(width);
  }

  /** Turns the screen: the view is made anew, the field goes on. */
  void rotate() {
    Configuration screen = ime.getResources().getConfiguration();
    boolean flat = screen.orientation == Configuration.ORIENTATION_PORTRAIT;
    screen.orientation = flat ? Configuration.ORIENTATION_LANDSCAPE : Configuration.ORIENTATION_PORTRAIT;
    show(flat ? HIGH : WIDE);
    ime.onStartInput(field.info, true);
    ime.onStartInputView(field.info, true);
    Looper.advance(20);
  }

  Key key(String label) {
    for (Key key : view.board().keys) {
      if (key.label.equals(label)) return key;
    }
    return null;
  }

  Key key(Kind kind) {
    for (Key key : view.board().keys) {
      if (key.kind == kind) return key;
    }
    throw new AssertionError("no key " + kind);
  }

  private static float y(Key key) {
    return key.y + key.height / 2;
  }

  private void send(int action, int index, int[] ids, float... places) {
    view.onTouchEvent(new MotionEvent(action, index, Looper.now, ids, places));
  }

  void down(float x, float y) {
    send(MotionEvent.ACTION_DOWN, 0, new int[] {0}, x, y);
  }

  void move(float x, float y) {
    Looper.advance(16);
    send(MotionEvent.ACTION_MOVE, 0, new int[] {0}, x, y);
  }

  void up(float x, float y) {
    send(MotionEvent.ACTION_UP, 0, new int[] {0}, x, y);
  }

  void tap(float x, float y) {
    down(x, y);
    Looper.advance(60);
    up(x, y);
    Looper.advance(60);
  }

  void tap(Key key) {
    tap(key.middle(), y(key));
  }

  void tap(Kind kind) {
    tap(key(kind));
  }

  /** Types a text letter by letter, as a person does who looks: by way of shift and the pages of signs. */
  void type(String text) {
    for (int i = 0; i < text.length(); i++) type(text.charAt(i));
  }

  private void type(char letter) {
    String label = String.valueOf(letter);
    if (letter == ' ') {
      tap(Kind.SPACE);
    } else if (letter == '\n') {
      tap(Kind.ENTER);
    } else if (Character.isLetter(letter)) {
      boolean capital = Character.isUpperCase(letter);
      if (key(label.toLowerCase()) == null) page(Board.Page.LETTERS);
      if (capital != (view.shift() != Typing.Shift.OFF)) tap(Kind.SHIFT);
      tap(key(label.toLowerCase()));
    } else {
      if (key(label) == null && view.page() == Board.Page.SIGNS) page(Board.Page.MORE_SIGNS);
      if (key(label) == null) page(Board.Page.SIGNS);
      if (key(label) == null) page(Board.Page.MORE_SIGNS);
      tap(key(label));
    }
  }

  void page(Board.Page page) {
    for (Key key : new ArrayList<>(view.board().keys)) {
      if (key.kind == Kind.PAGE && key.page == page) {
        tap(key);
        return;
      }
    }
    throw new AssertionError("no key leads from " + view.page() + " to " + page);
  }

  /** Types with two thumbs: each goes down before the other is up. */
  void burst(String letters) {
    float x = 0, y = 0;
    for (int i = 0; i < letters.length(); i++) {
      Key key = letters.charAt(i) == ' ' ? key(Kind.SPACE) : key(letters.substring(i, i + 1));
      int id = i % 2;
      if (i == 0) {
        send(MotionEvent.ACTION_DOWN, 0, new int[] {id}, key.middle(), y(key));
      } else {
        int[] both = {0, 1};
        float[] places = id == 0 ? new float[] {key.middle(), y(key), x, y} : new float[] {x, y, key.middle(), y(key)};
        send(MotionEvent.ACTION_POINTER_DOWN, id, both, places);
        Looper.advance(30);
        send(MotionEvent.ACTION_POINTER_UP, 1 - id, both, places);
      }
      x = key.middle();
      y = y(key);
      Looper.advance(30);
    }
    send(MotionEvent.ACTION_UP, 0, new int[] {(letters.length() - 1) % 2}, x, y);
    Looper.advance(40);
  }

  /** Moves a finger through the keys of a word; it stays down. */
  void draw(String word) {
    Key first = key(word.substring(0, 1));
    float x = first.middle(), y = y(first);
    down(x, y);
    for (int i = 0; i < word.length(); i++) {
      Key key = key(word.substring(i, i + 1));
      float fromX = x, fromY = y;
      int steps = i == 0 ? 2 : (int) Math.max(2, Math.hypot(key.middle() - x, y(key) - y) / 24);
      for (int step = 1; step <= steps; step++) {
        x = fromX + (key.middle() - fromX) * step / steps;
        y = fromY + (y(key) - fromY) * step / steps;
        move(x, y);
      }
    }
  }

  void swipe(String word) {
    draw(word);
    Key last = key(word.substring(word.length() - 1));
    up(last.middle(), y(last));
    Looper.advance(40);
  }

  /** Slides a finger from a key, over so many pixels. */
  void slide(Key key, float over, boolean lift) {
    float x = key.middle(), y = y(key);
    down(x, y);
    for (int i = 1; i <= 10; i++) move(x + over * i / 10, y);
    if (lift) up(x + over, y);
    Looper.advance(30);
  }

  /** Holds a key, then slides to that place of what it offers. */
  void hold(Key key, int place) {
    down(key.middle(), y(key));
    Looper.advance(Touches.HOLD_MS + 10);
    float wide = Math.min(view.getWidth() / 10f, view.getWidth() / (float) Math.max(1, key.more.length()));
    float start = Math.max(0, Math.min(view.getWidth() - wide * key.more.length(), key.middle() - wide / 2));
    float x = start + (place + 0.5f) * wide;
    move(x, y(key) - key.height);
    up(x, y(key) - key.height);
    Looper.advance(30);
  }

  /** Returns what the strip shows, from left to right. */
  List<String> shown() {
    Looper.advance(20);
    List<String> made = new ArrayList<>();
    for (Strip.Slot slot : view.strip.slots()) made.add(slot.suggestion.text);
    return made;
  }

  void pick(String suggestion) {
    for (Strip.Slot slot : view.strip.slots()) {
      if (slot.suggestion.text.equals(suggestion)) {
        tap((slot.left + slot.right) / 2 * view.getWidth(), view.stripHeight() / 2);
        return;
      }
    }
    throw new AssertionError(suggestion + " is not among " + shown());
  }

  /** Draws the view, and keeps the picture where one is wanted. */
  Canvas picture(String name) throws IOException {
    Canvas canvas = view.draw();
    String folder = System.getProperty("edgectc.pictures", "");
    if (!folder.isEmpty()) {
      Files.createDirectories(new File(folder).toPath());
      ImageIO.write(canvas.image, "png", new File(folder, name + ".png"));
    }
    return canvas;
  }
}
