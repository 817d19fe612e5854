package android.graphics;

import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;

public class Path {
  public enum Direction { CW, CCW }

  final Path2D.Float shape = new Path2D.Float();

  public void reset() {
    shape.reset();
  }

  public void moveTo(float x, float y) {
    shape.moveTo(x, y);
  }

  public void lineTo(float x, float y) {
    shape.lineTo(x, y);
  }

  public void addOval(RectF box, Direction direction) {
    shape.append(new Ellipse2D.Float(box.left, box.top, box.right - box.left, box.bottom - box.top), false);
  }
}
