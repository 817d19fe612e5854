package org.edgectc.keyboard;

import android.content.Context;
import android.content.res.Configuration;
import android.graphics.Canvas;
import android.view.MotionEvent;
import android.view.View;
import android.view.WindowInsets;
import android.view.accessibility.AccessibilityNodeProvider;
import java.util.List;
import org.edgectc.Suggestion;
import org.edgectc.Typing;
import org.edgectc.keyboard.Board.Key;

/** Strip and keys in one view, above what the system draws at the screen's edge. */
final class KeyboardView extends View {
  /** What the user did beside the keys. */
  interface Listener extends Touches.Listener {
    void onPick(Suggestion suggestion);

    /** The keys lie elsewhere now. */
    void onBoard(Board board);
  }

  private static final float ROW_DP = 54, LANDSCAPE = 0.72f;
  final Strip strip = new Strip();
  private final Listener listener;
  private final Touches touches;
  private final Painter painter;
  private final KeyNodes nodes;
  private final float dp;
  private final Board.Wish wish = new Board.Wish();
  private Board.Page page = Board.Page.LETTERS;
  private Board board;
  private Palette colors = Palette.LIGHT;
  private Typing.Shift shift = Typing.Shift.OFF;
  private String action = "";
  private float height = 1; // of a row, as the user likes it
  private int bottom; // pixels that the system takes
  private boolean previews = true, picking;

  KeyboardView(Context context, Listener listener) {
    super(context);
    this.listener = listener;
    dp = getResources().getDisplayMetrics().density;
    touches = new Touches(this, listener);
    painter = new Painter(dp);
    nodes = new KeyNodes(this, listener);
    setFocusable(false);
  }

  /** Says what the user likes. */
  void set(Settings settings, Palette palette) {
    colors = palette;
    height = settings.height();
    wish.numberRow = settings.is(Settings.NUMBER_ROW);
    wish.side = settings.side();
    previews = settings.is(Settings.PREVIEW);
  }

  /** Shows a page of a layout for a field; `label` stands on the enter key, "" for an arrow. */
  void show(Board.Page shown, Layout layout, boolean others, org.edgectc.Field field, String label) {
    page = shown;
    action = label;
    wish.layout = layout;
    wish.otherLayouts = others;
    wish.field = field;
    lay();
    requestLayout();
  }

  void shift(Typing.Shift now) {
    shift = now;
    invalidate();
  }

  void suggest(List<Suggestion> suggestions, boolean moving) {
    strip.show(suggestions, moving);
    invalidate();
  }

  void say(String message) {
    strip.say(message);
    invalidate();
  }

  Board board() {
    return board;
  }

  Typing.Shift shift() {
    return shift;
  }

  float stripHeight() {
    return Strip.HEIGHT_DP * dp;
  }

  Board.Page page() {
    return page;
  }

  private void lay() {
    if (wish.layout == null || wish.field == null || getWidth() == 0) return;
    wish.width = getWidth();
    wish.top = stripHeight();
    wish.rowHeight = rowHeight();
    board = Board.of(page, wish);
    touches.on(board);
    nodes.changed();
    listener.onBoard(board);
    invalidate();
  }

  private float rowHeight() {
    boolean flat = getResources().getConfiguration().orientation == Configuration.ORIENTATION_LANDSCAPE;
    return ROW_DP * dp * height * (flat ? LANDSCAPE : 1);
  }

  @Override
  protected void onMeasure(int width, int ignored) {
    int rows = wish.layout == null ? 4 : Board.rows(page, wish);
    setMeasuredDimension(MeasureSpec.getSize(width), Math.round(stripHeight() + rows * rowHeight()) + bottom);
  }

  @Override
  protected void onSizeChanged(int width, int height, int oldWidth, int oldHeight) {
    lay();
  }

  @Override
  @SuppressWarnings("deprecation") // its successor is younger than the oldest Android that this runs on
  public WindowInsets onApplyWindowInsets(WindowInsets insets) {
    bottom = insets.getSystemWindowInsetBottom();
    requestLayout();
    return insets;
  }

  @Override
  protected void onDraw(Canvas canvas) {
    painter.begin(canvas, colors);
    painter.strip(strip, 0, getWidth());
    if (board == null) return;
    for (Key key : board.keys) {
      painter.key(key, touches.isPressed(key), shift, action);
      if (key.kind == Board.Kind.SPACE && wish.otherLayouts && page == Board.Page.LETTERS) painter.spaceName(key, wish.layout.title);
    }
    Key above = touches.choosing();
    if (above != null) {
      painter.choice(above, touches.choiceStart(above), touches.choiceWidth(above), touches.chosen(), shift);
    } else if (previews && touches.previewed() != null) {
      painter.preview(touches.previewed(), shift);
    }
    double[] trail = touches.trail();
    if (trail != null) painter.trail(trail);
  }

  @Override
  public boolean onTouchEvent(MotionEvent event) {
    if (board == null) return true;
    boolean down = event.getActionMasked() == MotionEvent.ACTION_DOWN;
    if (down) picking = event.getY() < stripHeight();
    if (!picking) {
      touches.onTouch(event);
    } else if (event.getActionMasked() == MotionEvent.ACTION_UP && event.getY() < stripHeight()) {
      Suggestion picked = strip.at(event.getX() / getWidth());
      if (picked != null) listener.onPick(picked);
    }
    return true;
  }

  @Override
  protected boolean dispatchHoverEvent(MotionEvent event) {
    return nodes.onHover(event) || super.dispatchHoverEvent(event);
  }

  @Override
  public AccessibilityNodeProvider getAccessibilityNodeProvider() {
    return nodes;
  }
}
