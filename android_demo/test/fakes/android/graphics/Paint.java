package android.graphics;

import java.awt.BasicStroke;
import java.awt.Font;
import java.awt.font.FontRenderContext;

public class Paint {
  public static final int ANTI_ALIAS_FLAG = 1;

  public enum Style { FILL, STROKE }

  public enum Align { LEFT, CENTER, RIGHT }

  public enum Cap { BUTT, ROUND, SQUARE }

  public enum Join { MITER, ROUND, BEVEL }

  private static final FontRenderContext SHAPES = new FontRenderContext(null, true, true);
  int color;
  float size = 12, width;
  boolean fill = true, bold;

  public Paint(int flags) {}

  public void setColor(int color) {
    this.color = color;
  }

  public void setStyle(Style style) {
    fill = style == Style.FILL;
  }

  public void setTextAlign(Align align) {}

  public void setTextSize(float size) {
    this.size = size;
  }

  public void setFakeBoldText(boolean bold) {
    this.bold = bold;
  }

  public void setStrokeWidth(float width) {
    this.width = width;
  }

  public void setStrokeCap(Cap cap) {}

  public void setStrokeJoin(Join join) {}

  Font font() {
    return new Font("DejaVu Sans", bold ? Font.BOLD : Font.PLAIN, 1).deriveFont(size);
  }

  BasicStroke stroke() {
    return new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
  }

  public float measureText(String text) {
    return (float) font().getStringBounds(text, SHAPES).getWidth();
  }

  public float ascent() {
    return -font().getLineMetrics("x", SHAPES).getAscent();
  }

  public float descent() {
    return font().getLineMetrics("x", SHAPES).getDescent();
  }
}
