package org.edgectc.keyboard;

import android.content.res.Resources;
import android.graphics.Rect;
import android.os.Bundle;
import android.view.MotionEvent;
import android.view.View;
import android.view.accessibility.AccessibilityEvent;
import android.view.accessibility.AccessibilityNodeInfo;
import android.view.accessibility.AccessibilityNodeProvider;
import java.util.List;
import org.edgectc.Suggestion;
import org.edgectc.Typing;
import org.edgectc.keyboard.Board.Key;

/** The keys and suggestions as a screen reader finds them: spoken under the finger, typed when it lifts. */
final class KeyNodes extends AccessibilityNodeProvider {
  private static final int FIRST_SUGGESTION = 1000; // ids of keys are their places
  private final KeyboardView view;
  private final KeyboardView.Listener listener;
  private int hovered = View.NO_ID;

  KeyNodes(KeyboardView view, KeyboardView.Listener listener) {
    this.view = view;
    this.listener = listener;
  }

  /** Says that there are other keys. */
  void changed() {
    hovered = View.NO_ID;
    view.sendAccessibilityEvent(AccessibilityEvent.TYPE_WINDOW_CONTENT_CHANGED);
  }

  @Override
  @SuppressWarnings("deprecation") // successors of obtain() and setBoundsInParent() are too young
  public AccessibilityNodeInfo createAccessibilityNodeInfo(int id) {
    if (id == View.NO_ID) {
      AccessibilityNodeInfo all = AccessibilityNodeInfo.obtain(view);
      view.onInitializeAccessibilityNodeInfo(all);
      for (int i = 0; view.board() != null && i < view.board().keys.size(); i++) all.addChild(view, i);
      for (int i = 0; i < view.strip.slots().size(); i++) all.addChild(view, FIRST_SUGGESTION + i);
      return all;
    }
    Rect box = box(id);
    if (box == null) return null;
    AccessibilityNodeInfo node = AccessibilityNodeInfo.obtain(view, id);
    node.setPackageName(view.getContext().getPackageName());
    node.setClassName("android.inputmethodservice.Keyboard$Key");
    node.setContentDescription(spoken(id));
    node.setParent(view);
    node.setBoundsInParent(box);
    int[] place = new int[2];
    view.getLocationOnScreen(place);
    box.offset(place[0], place[1]);
    node.setBoundsInScreen(box);
    node.setEnabled(true);
    node.setVisibleToUser(true);
    node.setClickable(true);
    node.addAction(AccessibilityNodeInfo.ACTION_CLICK);
    return node;
  }

  @Override
  public boolean performAction(int id, int action, Bundle arguments) {
    if (action != AccessibilityNodeInfo.ACTION_CLICK || box(id) == null) return false;
    click(id);
    return true;
  }

  /** Returns whether a finger that explores the screen is on the keys. */
  boolean onHover(MotionEvent event) {
    int id = at(event.getX(), event.getY());
    boolean ends = event.getActionMasked() == MotionEvent.ACTION_HOVER_EXIT;
    if (hovered != View.NO_ID && (ends || id != hovered)) send(hovered, AccessibilityEvent.TYPE_VIEW_HOVER_EXIT);
    if (ends) {
      hovered = View.NO_ID;
      boolean inside = event.getY() >= 0 && event.getY() < view.getHeight();
      if (id != View.NO_ID && inside) click(id);
    } else if (id != hovered) {
      hovered = id;
      if (id != View.NO_ID) send(id, AccessibilityEvent.TYPE_VIEW_HOVER_ENTER);
    }
    return true;
  }

  private void click(int id) {
    Key key = key(id);
    if (key != null) {
      listener.onPress(key);
      listener.onKey(key, key.label, key.middle(), key.y + key.height / 2, false);
    } else if (view.strip.fixed()) {
      listener.onPick(suggestion(id));
    }
  }

  private void send(int id, int type) {
    AccessibilityEvent event = AccessibilityEvent.obtain(type);
    event.setPackageName(view.getContext().getPackageName());
    event.setClassName("android.inputmethodservice.Keyboard$Key");
    event.setContentDescription(spoken(id));
    event.setEnabled(true);
    event.setSource(view, id);
    if (view.getParent() != null) view.getParent().requestSendAccessibilityEvent(view, event);
  }

  private int at(float x, float y) {
    if (y < view.stripHeight()) {
      List<Strip.Slot> slots = view.strip.slots();
      for (int i = 0; i < slots.size(); i++) {
        float share = x / view.getWidth();
        if (share >= slots.get(i).left && share < slots.get(i).right) return FIRST_SUGGESTION + i;
      }
      return View.NO_ID;
    }
    Key key = view.board() == null ? null : view.board().at(x, y);
    return key == null ? View.NO_ID : view.board().keys.indexOf(key);
  }

  private Key key(int id) {
    boolean there = view.board() != null && id >= 0 && id < view.board().keys.size();
    return there ? view.board().keys.get(id) : null;
  }

  private Suggestion suggestion(int id) {
    int place = id - FIRST_SUGGESTION;
    List<Strip.Slot> slots = view.strip.slots();
    return place >= 0 && place < slots.size() ? slots.get(place).suggestion : null;
  }

  private Rect box(int id) {
    Key key = key(id);
    if (key != null) return new Rect((int) key.x, (int) key.y, (int) (key.x + key.width), (int) (key.y + key.height));
    if (suggestion(id) == null) return null;
    Strip.Slot slot = view.strip.slots().get(id - FIRST_SUGGESTION);
    return new Rect((int) (slot.left * view.getWidth()), 0, (int) (slot.right * view.getWidth()), (int) view.stripHeight());
  }

  /** Returns what is said of a key or suggestion. */
  private String spoken(int id) {
    Key key = key(id);
    if (key == null) return suggestion(id) == null ? "" : suggestion(id).text;
    Resources names = view.getResources();
    switch (key.kind) {
      case LETTER:
        boolean capital = view.shift() != Typing.Shift.OFF;
        return capital ? names.getString(R.string.key_capital, Painter.cased(key.label, view.shift())) : key.label;
      case SPACE:
        return names.getString(R.string.key_space);
      case SHIFT:
        return names.getString(view.shift() == Typing.Shift.LOCK ? R.string.key_caps : R.string.key_shift);
      case DELETE:
        return names.getString(R.string.key_delete);
      case ENTER:
        return names.getString(R.string.key_enter);
      case LAYOUT:
        return names.getString(R.string.key_layout);
      case SIDE:
        return names.getString(R.string.key_side);
      case PAGE:
        return names.getString(key.page == Board.Page.LETTERS ? R.string.key_letters : R.string.key_signs);
      default:
        return sign(key.label, names);
    }
  }

  /** Returns a sign's name where a voice may not say it. */
  private static String sign(String label, Resources names) {
    switch (label) {
      case ".":
        return names.getString(R.string.sign_stop);
      case ",":
        return names.getString(R.string.sign_comma);
      case "'":
        return names.getString(R.string.sign_apostrophe);
      case "\"":
        return names.getString(R.string.sign_quote);
      case "-":
        return names.getString(R.string.sign_hyphen);
      default:
        return label;
    }
  }
}
