package org.edgectc.keyboard;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.edgectc.Suggestion;

/** The row above the keys: three suggestions, the best in the middle, or a message. */
final class Strip {
  static final float HEIGHT_DP = 44;
  static final int MOST = 3;
  private static final int[] ORDER = {1, 0, 2}; // place of the best, the second, the third

  /** A suggestion, and where it lies in shares of the width. */
  static final class Slot {
    final Suggestion suggestion;
    final float left, right;

    Slot(Suggestion suggestion, float left, float right) {
      this.suggestion = suggestion;
      this.left = left;
      this.right = right;
    }
  }

  private List<Suggestion> shown = Collections.emptyList();
  private String message = "";
  private boolean fixed; // may be picked

  /** Shows suggestions, the best first; those of a finger that still moves cannot be picked. */
  void show(List<Suggestion> suggestions, boolean moving) {
    shown = suggestions.size() > MOST ? suggestions.subList(0, MOST) : suggestions;
    message = "";
    fixed = !moving;
  }

  void say(String text) {
    shown = Collections.emptyList();
    message = text;
  }

  String message() {
    return message;
  }

  boolean fixed() {
    return fixed;
  }

  /** Returns the suggestions from left to right. */
  List<Slot> slots() {
    List<Slot> made = new ArrayList<>();
    for (int place = 0; place < MOST; place++) {
      if (ORDER[place] < shown.size()) made.add(new Slot(shown.get(ORDER[place]), place / 3f, (place + 1) / 3f));
    }
    return made;
  }

  /** Returns the place of a suggestion, 1 for the best. */
  int rank(Suggestion suggestion) {
    return shown.indexOf(suggestion) + 1;
  }

  boolean isBest(Suggestion suggestion) {
    return !shown.isEmpty() && shown.get(0) == suggestion;
  }

  /** Returns the suggestion at a share of the width, null for none that can be picked. */
  Suggestion at(float share) {
    for (Slot slot : slots()) {
      if (fixed && share >= slot.left && share < slot.right) return slot.suggestion;
    }
    return null;
  }
}
