package android.view;

/** A touch of one or two fingers, without a history unless it is given one. */
public class MotionEvent {
  public static final int ACTION_DOWN = 0;
  public static final int ACTION_UP = 1;
  public static final int ACTION_MOVE = 2;
  public static final int ACTION_CANCEL = 3;
  public static final int ACTION_POINTER_DOWN = 5;
  public static final int ACTION_POINTER_UP = 6;
  public static final int ACTION_HOVER_MOVE = 7;
  public static final int ACTION_HOVER_ENTER = 9;
  public static final int ACTION_HOVER_EXIT = 10;
  private final int action, index;
  private final long time;
  private final int[] ids;
  private final float[] places;
  private final float[] history;

  /** `places`: x, y of each finger; `history`: x, y of the first one, each half of the way in time. */
  public MotionEvent(int action, int index, long time, int[] ids, float[] places, float... history) {
    this.action = action;
    this.index = index;
    this.time = time;
    this.ids = ids;
    this.places = places;
    this.history = history;
  }

  public int getActionMasked() {
    return action;
  }

  public int getActionIndex() {
    return index;
  }

  public int getPointerCount() {
    return ids.length;
  }

  public int getPointerId(int at) {
    return ids[at];
  }

  public float getX() {
    return places[0];
  }

  public float getY() {
    return places[1];
  }

  public float getX(int at) {
    return places[2 * at];
  }

  public float getY(int at) {
    return places[2 * at + 1];
  }

  public long getEventTime() {
    return time;
  }

  public int getHistorySize() {
    return history.length / 2;
  }

  public float getHistoricalX(int at, int i) {
    return at == 0 ? history[2 * i] : getX(at);
  }

  public float getHistoricalY(int at, int i) {
    return at == 0 ? history[2 * i + 1] : getY(at);
  }

  public long getHistoricalEventTime(int i) {
    return time - 8;
  }
}
