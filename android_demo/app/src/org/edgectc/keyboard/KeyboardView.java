package org.edgectc.keyboard;

import android.content.Context;
import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.Path;
import android.graphics.RectF;
import android.view.MotionEvent;
import android.view.View;
import java.util.ArrayList;
import java.util.List;
import org.edgectc.core.Layout;
import org.edgectc.core.Trace;

/** The keys: draws them and the finger's trail, and tells taps from swipes. */
final class KeyboardView extends View {
  /** What the user did. */
  interface Listener {
    /** A letter or a special key was tapped. */
    void onTap(Key key);

    /** The finger moves on; the trace goes on after this call. */
    void onMoving(Trace soFar);

    /** A swipe ended; the trace is the listener's. */
    void onSwipe(Trace trace);
  }

  /** A key and where it lies, in fractions of the view. */
  static final class Key {
    final String label;
    final char letter; // 0 on a special key
    final RectF place;

    Key(String label, char letter, RectF place) {
      this.label = label;
      this.letter = letter;
      this.place = place;
    }
  }

  static final String SHIFT = "⇧";
  static final String NEXT_LAYOUT = "🌐";
  static final String SPACE = " ";
  static final String DELETE = "⌫";
  static final String ENTER = "⏎";
  private static final String[] SPECIAL = {SHIFT, NEXT_LAYOUT, ",", SPACE, ".", DELETE, ENTER};
  private static final float[] WIDTHS = {0.14f, 0.11f, 0.09f, 0.32f, 0.09f, 0.125f, 0.125f};
  private static final float ROW_DP = 54;
  private static final float TAP_KEYS = 0.6f; // a shorter path is a tap

  private final List<Key> keys = new ArrayList<>();
  private final Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
  private final Path trail = new Path();
  private final Listener listener;
  private Layout layout;
  private Trace trace;
  private Key pressed;
  private boolean shifted;
  private float path; // of the finger, in key widths
  private float lastX;
  private float lastY;

  KeyboardView(Context context, Listener listener) {
    super(context);
    this.listener = listener;
  }

  /** Shows a layout. */
  void show(Layout shown) {
    layout = shown;
    keys.clear();
    int rows = shown.rows.size() + 1;
    for (int row = 0; row < shown.rows.size(); row++) {
      String letters = shown.rows.get(row);
      float width = (float) shown.rowKeyWidth[row];
      for (int column = 0; column < letters.length(); column++) {
        float left = (float) shown.rowX[row] + column * width;
        char letter = letters.charAt(column);
        if (letter != ' ') {
          keys.add(new Key(String.valueOf(letter), letter, cell(left, width, row, rows)));
        }
      }
    }
    float left = 0;
    for (int i = 0; i < SPECIAL.length; i++) {
      keys.add(new Key(SPECIAL[i], (char) 0, cell(left, WIDTHS[i], rows - 1, rows)));
      left += WIDTHS[i];
    }
    requestLayout();
    invalidate();
  }

  /** Shows capital letters, or small ones. */
  void shift(boolean on) {
    shifted = on;
    invalidate();
  }

  private static RectF cell(float left, float width, int row, int rows) {
    return new RectF(left, (float) row / rows, left + width, (row + 1f) / rows);
  }

  @Override
  protected void onMeasure(int width, int height) {
    int rows = layout == null ? 4 : layout.rows.size() + 1;
    float dp = getResources().getDisplayMetrics().density;
    setMeasuredDimension(MeasureSpec.getSize(width), Math.round(rows * ROW_DP * dp));
  }

  @Override
  protected void onDraw(Canvas canvas) {
    canvas.drawColor(getContext().getColor(R.color.board));
    float dp = getResources().getDisplayMetrics().density;
    paint.setTextAlign(Paint.Align.CENTER);
    paint.setTextSize(20 * dp);
    for (Key key : keys) {
      int color = key.letter == 0 ? R.color.key_special : R.color.key;
      paint.setStyle(Paint.Style.FILL);
      paint.setColor(getContext().getColor(key == pressed ? R.color.key_pressed : color));
      RectF place = scaled(key.place);
      place.inset(2 * dp, 3 * dp);
      canvas.drawRoundRect(place, 6 * dp, 6 * dp, paint);
      paint.setColor(getContext().getColor(R.color.ink));
      float baseline = place.centerY() - (paint.ascent() + paint.descent()) / 2;
      canvas.drawText(labelOf(key), place.centerX(), baseline, paint);
    }
    paint.setStyle(Paint.Style.STROKE);
    paint.setStrokeWidth(6 * dp);
    paint.setStrokeCap(Paint.Cap.ROUND);
    paint.setStrokeJoin(Paint.Join.ROUND);
    paint.setColor(getContext().getColor(R.color.trail));
    canvas.drawPath(trail, paint);
  }

  private String labelOf(Key key) {
    boolean upper = shifted && key.letter != 0;
    return upper ? String.valueOf(Character.toUpperCase(key.letter)) : key.label;
  }

  private RectF scaled(RectF place) {
    float w = getWidth();
    float h = getHeight();
    return new RectF(place.left * w, place.top * h, place.right * w, place.bottom * h);
  }

  @Override
  public boolean onTouchEvent(MotionEvent event) {
    if (layout == null || event.getPointerId(event.getActionIndex()) != 0) {
      return true; // a second finger neither swipes nor ends the first one's swipe
    }
    switch (event.getActionMasked()) {
      case MotionEvent.ACTION_DOWN:
        begin(event);
        break;
      case MotionEvent.ACTION_MOVE:
        move(event);
        break;
      case MotionEvent.ACTION_UP:
        move(event);
        end();
        break;
      case MotionEvent.ACTION_CANCEL:
        clear();
        break;
      default:
        break;
    }
    invalidate();
    return true;
  }

  private void begin(MotionEvent event) {
    clear();
    pressed = keyAt(event.getX() / getWidth(), event.getY() / getHeight());
    lastX = event.getX();
    lastY = event.getY();
    if (pressed != null && pressed.letter != 0) {
      trace = new Trace();
      add(event.getX(), event.getY(), event.getEventTime());
      trail.moveTo(event.getX(), event.getY());
    }
  }

  private void move(MotionEvent event) {
    if (trace == null) {
      return;
    }
    for (int i = 0; i < event.getHistorySize(); i++) {
      add(event.getHistoricalX(i), event.getHistoricalY(i), event.getHistoricalEventTime(i));
    }
    add(event.getX(), event.getY(), event.getEventTime());
    if (path > TAP_KEYS) {
      pressed = null;
      listener.onMoving(trace);
    }
  }

  /** Adds a point in the letter-area frame, which the special keys' row is not part of. */
  private void add(float x, float y, long timeMs) {
    double letters = getHeight() * (double) layout.rows.size() / (layout.rows.size() + 1);
    trace.add(x / (double) getWidth(), y / letters, timeMs);
    double dx = (x - lastX) / getWidth() / layout.keyWidth;
    double dy = (y - lastY) / letters / layout.keyHeight;
    path += (float) Math.hypot(dx, dy);
    lastX = x;
    lastY = y;
    trail.lineTo(x, y);
  }

  private void end() {
    Key tapped = pressed;
    Trace swiped = path > TAP_KEYS ? trace : null;
    clear();
    if (swiped != null) {
      listener.onSwipe(swiped);
    } else if (tapped != null) {
      performClick();
      listener.onTap(tapped);
    }
  }

  @Override
  public boolean performClick() {
    return super.performClick();
  }

  private void clear() {
    trace = null;
    pressed = null;
    path = 0;
    trail.reset();
  }

  private Key keyAt(float x, float y) {
    Key best = null;
    float least = Float.MAX_VALUE;
    for (Key key : keys) { // the nearest one, so that gaps between keys type too
      float dx = Math.max(0, Math.max(key.place.left - x, x - key.place.right));
      float dy = Math.max(0, Math.max(key.place.top - y, y - key.place.bottom));
      if (dx + dy < least) {
        least = dx + dy;
        best = key;
      }
    }
    return best;
  }
}
