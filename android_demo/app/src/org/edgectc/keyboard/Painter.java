package org.edgectc.keyboard;

import android.graphics.Canvas;
import android.graphics.Paint;
import android.graphics.Path;
import android.graphics.RectF;
import java.util.Locale;
import org.edgectc.Typing;
import org.edgectc.keyboard.Board.Key;
import org.edgectc.keyboard.Board.Kind;

/** Draws strip, keys, previews, choices and the finger's trail. */
final class Painter {
  private final Paint paint = new Paint(Paint.ANTI_ALIAS_FLAG);
  private final Path path = new Path();
  private final RectF box = new RectF();
  private final float dp;
  private Canvas canvas;
  private Palette colors;

  Painter(float dp) {
    this.dp = dp;
    paint.setStrokeCap(Paint.Cap.ROUND);
    paint.setStrokeJoin(Paint.Join.ROUND);
  }

  void begin(Canvas canvas, Palette colors) {
    this.canvas = canvas;
    this.colors = colors;
    canvas.drawColor(colors.board);
  }

  /** Draws the strip; a word that is too long is drawn smaller, then cut. */
  void strip(Strip strip, float left, float width) {
    float height = Strip.HEIGHT_DP * dp;
    if (!strip.message().isEmpty()) text(strip.message(), left + width / 2, height / 2, 15 * dp, width - 16 * dp, colors.faint);
    for (Strip.Slot slot : strip.slots()) {
      float from = left + slot.left * width, to = left + slot.right * width;
      boolean best = strip.isBest(slot.suggestion);
      paint.setFakeBoldText(best && strip.fixed());
      int color = strip.fixed() ? best ? colors.accent : colors.ink : colors.faint;
      text(slot.suggestion.text, (from + to) / 2, height / 2, 18 * dp, to - from - 12 * dp, color);
      paint.setFakeBoldText(false);
      if (slot.left > 0) line(colors.special, dp, from, height * 0.25f, from, height * 0.75f);
    }
  }

  void key(Key key, boolean pressed, Typing.Shift shift, String action) {
    boolean special = !key.writes() && key.kind != Kind.SPACE;
    int fill = pressed ? colors.pressed : special ? colors.special : colors.key;
    boolean accent = key.kind == Kind.ENTER && !pressed;
    if (key.kind == Kind.SIDE) fill = colors.board;
    round(key.x + 2 * dp, key.y + 3 * dp, key.x + key.width - 2 * dp, key.y + key.height - 3 * dp, accent ? colors.accent : fill);
    float x = key.middle(), y = key.y + key.height / 2;
    switch (key.kind) {
      case SHIFT:
        arrow(x, y, shift);
        break;
      case DELETE:
        delete(x, y);
        break;
      case ENTER:
        enter(action, x, y, key.width);
        break;
      case LAYOUT:
        globe(x, y);
        break;
      case SPACE:
        break;
      default:
        boolean letter = key.kind == Kind.LETTER;
        text(letter ? cased(key.label, shift) : key.label, x, y, (key.label.length() > 1 ? 15 : 22) * dp, key.width - 4 * dp, colors.ink);
        if (!key.more.isEmpty() && Character.isDigit(key.more.charAt(0))) {
          text(key.more.substring(0, 1), key.x + key.width - 9 * dp, key.y + 11 * dp, 10 * dp, key.width, colors.faint);
        }
        break;
    }
  }

  /** Draws the name of the layout on the space bar. */
  void spaceName(Key space, String name) {
    text(name, space.middle(), space.y + space.height / 2, 13 * dp, space.width - 8 * dp, colors.faint);
  }

  /** Draws a letter above the finger that hides it. */
  void preview(Key key, Typing.Shift shift) {
    float top = Math.max(0, key.y - key.height * 1.05f), half = Math.max(key.width, 40 * dp) / 2;
    round(key.middle() - half, top, key.middle() + half, top + key.height, colors.pressed);
    text(key.kind == Kind.LETTER ? cased(key.label, shift) : key.label, key.middle(), top + key.height / 2, 28 * dp, 2 * half, colors.ink);
  }

  /** Draws what can be chosen above a key. */
  void choice(Key key, float left, float wide, int chosen, Typing.Shift shift) {
    float top = Math.max(0, key.y - key.height * 1.05f);
    round(left, top, left + wide * key.more.length(), top + key.height, colors.special);
    for (int i = 0; i < key.more.length(); i++) {
      float x = left + i * wide;
      if (i == chosen) round(x, top, x + wide, top + key.height, colors.accent);
      String one = cased(key.more.substring(i, i + 1), shift);
      text(one, x + wide / 2, top + key.height / 2, 22 * dp, wide, i == chosen ? colors.onAccent : colors.ink);
    }
  }

  /** Draws a path of points x, y, t. */
  void trail(double[] points) {
    path.reset();
    path.moveTo((float) points[0], (float) points[1]);
    for (int i = 3; i < points.length; i += 3) path.lineTo((float) points[i], (float) points[i + 1]);
    stroke(colors.accent, 6 * dp);
  }

  static String cased(String label, Typing.Shift shift) {
    return shift == Typing.Shift.OFF ? label : label.toUpperCase(Locale.ROOT);
  }

  private void text(String text, float x, float y, float size, float room, int color) {
    paint.setStyle(Paint.Style.FILL);
    paint.setTextAlign(Paint.Align.CENTER);
    paint.setColor(color);
    paint.setTextSize(size);
    float wide = paint.measureText(text);
    if (wide > room) paint.setTextSize(Math.max(size * 0.7f, size * room / wide));
    String fitted = text;
    while (fitted.length() > 2 && paint.measureText(fitted) > room) {
      fitted = fitted.substring(0, fitted.length() - 2) + "…";
    }
    canvas.drawText(fitted, x, y - (paint.ascent() + paint.descent()) / 2, paint);
  }

  private void round(float left, float top, float right, float bottom, int color) {
    paint.setStyle(Paint.Style.FILL);
    paint.setColor(color);
    box.set(left, top, right, bottom);
    canvas.drawRoundRect(box, 6 * dp, 6 * dp, paint);
  }

  private void stroke(int color, float width) {
    paint.setStyle(Paint.Style.STROKE);
    paint.setStrokeWidth(width);
    paint.setColor(color);
    canvas.drawPath(path, paint);
  }

  /** Draws a line through x, y pairs. */
  private void line(int color, float width, float... places) {
    path.reset();
    path.moveTo(places[0], places[1]);
    for (int i = 2; i < places.length; i += 2) path.lineTo(places[i], places[i + 1]);
    stroke(color, width);
  }

  private void arrow(float x, float y, Typing.Shift shift) {
    float s = 9 * dp;
    int color = shift == Typing.Shift.OFF ? colors.ink : colors.accent;
    line(color, 2 * dp, x - s, y, x, y - s, x + s, y, x + s / 2, y, x + s / 2, y + s * 0.8f, x - s / 2, y + s * 0.8f, x - s / 2, y, x - s, y);
    if (shift == Typing.Shift.LOCK) line(color, 2 * dp, x - s / 2, y + s * 1.2f, x + s / 2, y + s * 1.2f);
  }

  private void delete(float x, float y) {
    float s = 8 * dp;
    line(colors.ink, 2 * dp, x - s * 1.6f, y, x - s * 0.7f, y - s, x + s * 1.3f, y - s, x + s * 1.3f, y + s, x - s * 0.7f, y + s, x - s * 1.6f, y);
    line(colors.ink, 2 * dp, x - s * 0.2f, y - s * 0.4f, x + s * 0.6f, y + s * 0.4f);
    line(colors.ink, 2 * dp, x - s * 0.2f, y + s * 0.4f, x + s * 0.6f, y - s * 0.4f);
  }

  private void enter(String action, float x, float y, float width) {
    float s = 8 * dp;
    if (!action.isEmpty()) {
      text(action, x, y, 15 * dp, width - 8 * dp, colors.onAccent);
      return;
    }
    line(colors.onAccent, 2 * dp, x + s, y - s, x + s, y + s * 0.3f, x - s, y + s * 0.3f);
    line(colors.onAccent, 2 * dp, x - s * 0.4f, y - s * 0.3f, x - s, y + s * 0.3f, x - s * 0.4f, y + s * 0.9f);
  }

  private void globe(float x, float y) {
    float s = 9 * dp;
    path.reset();
    box.set(x - s, y - s, x + s, y + s);
    path.addOval(box, Path.Direction.CW);
    box.set(x - s * 0.45f, y - s, x + s * 0.45f, y + s);
    path.addOval(box, Path.Direction.CW);
    path.moveTo(x - s, y);
    path.lineTo(x + s, y);
    stroke(colors.ink, 1.5f * dp);
  }
}
