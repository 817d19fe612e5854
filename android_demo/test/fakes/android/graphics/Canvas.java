package android.graphics;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.RoundRectangle2D;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.List;

/** Draws into a picture, and keeps the texts with the room that they take. */
public class Canvas {
  /** A text, and its left and right edge. */
  public static final class Text {
    public final String text;
    public final float left, right, y;

    Text(String text, float left, float right, float y) {
      this.text = text;
      this.left = left;
      this.right = right;
      this.y = y;
    }
  }

  public final BufferedImage image;
  public final List<Text> texts = new ArrayList<>();
  private final Graphics2D pen;

  public Canvas(int width, int height) {
    image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    pen = image.createGraphics();
    pen.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
    pen.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
  }

  public void drawColor(int color) {
    pen.setColor(new Color(color));
    pen.fillRect(0, 0, image.getWidth(), image.getHeight());
  }

  public void drawRoundRect(RectF box, float x, float y, Paint paint) {
    pen.setColor(new Color(paint.color, true));
    pen.fill(new RoundRectangle2D.Float(box.left, box.top, box.right - box.left, box.bottom - box.top, 2 * x, 2 * y));
  }

  public void drawText(String text, float x, float y, Paint paint) {
    if (paint.font().canDisplayUpTo(text) >= 0) throw new AssertionError("no glyph in " + text);
    float half = paint.measureText(text) / 2;
    texts.add(new Text(text, x - half, x + half, y));
    pen.setColor(new Color(paint.color, true));
    pen.setFont(paint.font());
    pen.drawString(text, x - half, y);
  }

  public void drawPath(Path path, Paint paint) {
    pen.setColor(new Color(paint.color, true));
    pen.setStroke(paint.stroke());
    pen.draw(path.shape);
  }
}
