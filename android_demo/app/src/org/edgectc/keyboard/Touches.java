package org.edgectc.keyboard;

import android.view.MotionEvent;
import android.view.View;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.edgectc.keyboard.Board.Key;
import org.edgectc.keyboard.Board.Kind;

/** Fingers on the keys: taps, swipes, long presses, and what a finger does that slides from space or delete. */
final class Touches {
  /** What the fingers did. */
  interface Listener {
    /** A key is pressed. */
    void onPress(Key key);

    /** A key is let go; `text` is what it writes, another than its label if that was `chosen` above it. */
    void onKey(Key key, String text, float x, float y, boolean chosen);

    /** Whether a path over letters is a word now. */
    boolean swipes();

    void onMoving(double[] points);

    void onSwipe(double[] points);

    /** Delete is held on: so many times now. */
    void onRepeat(int times);

    /** The finger slid over space, so many characters to the right. */
    void onCursor(int characters);

    /** The finger slid left from delete, over so many words; `done`: it was let go. */
    void onDelete(int words, boolean done);
  }

  private enum Mode { PRESSED, SWIPING, CHOOSING, CURSOR, DELETING, REPEATING }

  /** A finger. */
  private final class Touch implements Runnable {
    final int id;
    final float downX, downY;
    Key key;
    Mode mode = Mode.PRESSED;
    float x, y;
    int chosen, steps;
    double[] points = new double[3 * 64];
    int n;

    Touch(int id, Key key, float x, float y) {
      this.id = id;
      this.key = key;
      downX = this.x = x;
      downY = this.y = y;
    }

    double[] swiped() {
      return Arrays.copyOf(points, 3 * n);
    }

    void add(float toX, float toY, double timeMs) {
      if (3 * n == points.length) points = Arrays.copyOf(points, 2 * points.length);
      points[3 * n] = toX;
      points[3 * n + 1] = toY;
      points[3 * n++ + 2] = timeMs;
      x = toX;
      y = toY;
    }

    /** The key was held. */
    @Override
    public void run() {
      if (key.kind == Kind.DELETE && (mode == Mode.PRESSED || mode == Mode.REPEATING)) {
        mode = Mode.REPEATING;
        listener.onRepeat(++steps);
        view.postDelayed(this, REPEAT_MS);
      } else if (mode == Mode.PRESSED && !key.more.isEmpty() && Math.hypot(x - downX, y - downY) <= STILL_KEYS * view.getWidth() / 10f) {
        mode = Mode.CHOOSING;
      }
      view.invalidate();
    }
  }

  static final int HOLD_MS = 400; // 2 % of people's swipes begin as slowly, so a finger that goes elsewhere swipes after all
  static final int REPEAT_MS = 60;
  private static final float SWIPE_KEYS = 0.6f; // a finger that stays nearer taps
  private static final float STILL_KEYS = 0.2f; // and holds
  private final View view;
  private final Listener listener;
  private final List<Touch> touches = new ArrayList<>();
  private Board board;

  Touches(View view, Listener listener) {
    this.view = view;
    this.listener = listener;
  }

  /** Says which keys there are; fingers that lie on others are forgotten. */
  void on(Board shown) {
    board = shown;
    clear();
  }

  void clear() {
    for (Touch touch : touches) view.removeCallbacks(touch);
    touches.clear();
  }

  boolean isPressed(Key key) {
    for (Touch touch : touches) {
      if (touch.key == key && touch.mode != Mode.SWIPING) return true;
    }
    return false;
  }

  /** Returns the key whose letter is to be shown above the finger; null for none. */
  Key previewed() {
    Touch last = touches.isEmpty() ? null : touches.get(touches.size() - 1);
    return last != null && last.mode == Mode.PRESSED && last.key.writes() ? last.key : null;
  }

  /** Returns the key above which there is a choice; null for none. */
  Key choosing() {
    for (Touch touch : touches) {
      if (touch.mode == Mode.CHOOSING) return touch.key;
    }
    return null;
  }

  /** Returns the place of what would be chosen now. */
  int chosen() {
    for (Touch touch : touches) {
      if (touch.mode == Mode.CHOOSING) return touch.chosen;
    }
    return 0;
  }

  /** Returns the left edge of the choice above a key. */
  float choiceStart(Key key) {
    float wide = key.more.length() * choiceWidth(key);
    return Math.max(0, Math.min(view.getWidth() - wide, key.middle() - choiceWidth(key) / 2));
  }

  float choiceWidth(Key key) {
    return Math.min(view.getWidth() / 10f, view.getWidth() / (float) Math.max(1, key.more.length()));
  }

  /** Returns the points of the finger that swipes, x, y, t each; null if none does. */
  double[] trail() {
    for (Touch touch : touches) {
      if (touch.mode == Mode.SWIPING) return touch.swiped();
    }
    return null;
  }

  void onTouch(MotionEvent event) {
    int index = event.getActionIndex();
    int id = event.getPointerId(index);
    switch (event.getActionMasked()) {
      case MotionEvent.ACTION_DOWN:
        clear();
        down(id, event.getX(index), event.getY(index), event.getEventTime());
        break;
      case MotionEvent.ACTION_POINTER_DOWN:
        for (Touch other : new ArrayList<>(touches)) up(other); // the other thumb was first
        down(id, event.getX(index), event.getY(index), event.getEventTime());
        break;
      case MotionEvent.ACTION_MOVE:
        for (int i = 0; i < event.getPointerCount(); i++) move(event, i);
        break;
      case MotionEvent.ACTION_UP:
      case MotionEvent.ACTION_POINTER_UP:
        move(event, index);
        Touch touch = of(id);
        if (touch != null) up(touch);
        break;
      default:
        clear();
        break;
    }
    view.invalidate();
  }

  private Touch of(int id) {
    for (Touch touch : touches) {
      if (touch.id == id) return touch;
    }
    return null;
  }

  private void down(int id, float x, float y, long timeMs) {
    Key key = board.at(x, y);
    if (key == null) return;
    Touch touch = new Touch(id, key, x, y);
    touches.add(touch);
    touch.add(x, y, timeMs);
    listener.onPress(key);
    view.postDelayed(touch, HOLD_MS);
  }

  private void move(MotionEvent event, int index) {
    Touch touch = of(event.getPointerId(index));
    if (touch == null) return;
    for (int i = 0; i < event.getHistorySize(); i++) {
      touch.add(event.getHistoricalX(index, i), event.getHistoricalY(index, i), event.getHistoricalEventTime(i));
    }
    touch.add(event.getX(index), event.getY(index), event.getEventTime());
    float keyWidth = view.getWidth() / 10f;
    switch (touch.mode) {
      case CHOOSING:
        if (leaves(touch, keyWidth)) {
          touch.mode = Mode.PRESSED;
          slide(touch, keyWidth);
          break;
        }
        int place = (int) Math.floor((touch.x - choiceStart(touch.key)) / choiceWidth(touch.key));
        touch.chosen = Math.max(0, Math.min(touch.key.more.length() - 1, place));
        break;
      case SWIPING:
        listener.onMoving(touch.swiped());
        break;
      default:
        slide(touch, keyWidth);
        break;
    }
  }

  /** Whether a finger goes where nothing is offered. */
  private boolean leaves(Touch touch, float keyWidth) {
    float start = choiceStart(touch.key), end = start + touch.key.more.length() * choiceWidth(touch.key);
    boolean beside = touch.x < start - keyWidth || touch.x > end + keyWidth;
    return beside || touch.y > touch.key.y + touch.key.height || touch.y < touch.key.y - 2 * touch.key.height;
  }

  /** A finger that was not held, or not on a key with a choice, moved on. */
  private void slide(Touch touch, float keyWidth) {
    float across = touch.x - touch.downX;
    if (touch.key.kind == Kind.SPACE && (touch.mode == Mode.CURSOR || Math.abs(across) > keyWidth)) {
      begin(touch, Mode.CURSOR);
      int steps = Math.round(across / (keyWidth / 3));
      if (steps != touch.steps) listener.onCursor(steps - touch.steps);
      touch.steps = steps;
    } else if (touch.key.kind == Kind.DELETE && (touch.mode == Mode.DELETING || (touch.mode == Mode.PRESSED && across < -keyWidth))) {
      begin(touch, Mode.DELETING);
      int words = Math.max(0, Math.round(-across / keyWidth));
      if (words != touch.steps) listener.onDelete(words, false);
      touch.steps = words;
    } else if (touch.key.writes() && Math.hypot(across, touch.y - touch.downY) > SWIPE_KEYS * keyWidth) {
      if (touch.key.kind == Kind.LETTER && listener.swipes()) {
        begin(touch, Mode.SWIPING);
      } else if (board.at(touch.x, touch.y) != touch.key && board.at(touch.x, touch.y).writes()) {
        touch.key = board.at(touch.x, touch.y); // it is the key under the finger that writes
        view.removeCallbacks(touch);
        view.postDelayed(touch, HOLD_MS);
      }
    }
  }

  private void begin(Touch touch, Mode mode) {
    if (touch.mode == mode) return;
    touch.mode = mode;
    touch.steps = 0;
    view.removeCallbacks(touch);
  }

  private void up(Touch touch) {
    touches.remove(touch);
    view.removeCallbacks(touch);
    switch (touch.mode) {
      case SWIPING:
        listener.onSwipe(touch.swiped());
        break;
      case CHOOSING:
        listener.onKey(touch.key, touch.key.more.substring(touch.chosen, touch.chosen + 1), touch.downX, touch.downY, true);
        break;
      case DELETING:
        listener.onDelete(touch.steps, true);
        break;
      case PRESSED:
        listener.onKey(touch.key, touch.key.label, touch.downX, touch.downY, false);
        break;
      default:
        break;
    }
  }
}
