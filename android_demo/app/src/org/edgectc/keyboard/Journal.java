package org.edgectc.keyboard;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.edgectc.Suggestion;

/**
 * What is noted of typing, where the user wants it: how words came about, without the words (docs/ledger.md), and swipes with the
 * words that they became (docs/data.md). Lines are kept until the field is left, as later ones may still change them.
 */
final class Journal {
  static final String HEAD = "{\"edgectc_ledger\": 1, \"host\": \"android\"}\n";

  /** A word. */
  private static final class Entry {
    final String by;
    int rank;
    double probability = Double.NaN, ms = Double.NaN;
    boolean corrected, undone;
    Boolean foreseen; // null: no word was foretold

    Entry(String by, int rank) {
      this.by = by;
      this.rank = rank;
    }

    String line() {
      StringBuilder made = new StringBuilder("{\"by\": " + Json.text(by) + ", \"rank\": " + rank);
      if (probability >= 0) made.append(", \"probability\": ").append(Json.number(Math.min(1, probability), 4));
      if (ms >= 0) made.append(", \"ms\": ").append(Json.number(ms, 3));
      if (corrected) made.append(", \"corrected\": true");
      if (undone) made.append(", \"undone\": true");
      if (foreseen != null) made.append(", \"foreseen\": ").append(foreseen);
      return made.append("}\n").toString();
    }
  }

  /** A swipe that was recorded. */
  private static final class Row {
    final String layout, points;
    String word; // null: it was deleted

    Row(String layout, String points, String word) {
      this.layout = layout;
      this.points = points;
      this.word = word;
    }

    String line() {
      return "{\"layout\": " + Json.text(layout) + ", \"points\": " + points + ", \"word\": " + Json.text(word) + ", \"user\": \"me\"}\n";
    }
  }

  private final List<Entry> entries = new ArrayList<>();
  private final List<Row> rows = new ArrayList<>();
  private List<Suggestion> swiped = Collections.emptyList(), foretold = Collections.emptyList();
  private boolean noting, recording;
  private Entry last; // word, which may still be taken back
  private Row row; // of the last swipe
  private String typed = ""; // what the last correction replaced

  /** Says what the user wants, and the field allows. */
  void want(boolean noted, boolean recorded) {
    noting = noted;
    recording = recorded;
    settle();
  }

  boolean isOn() {
    return noting || recording;
  }

  /** Nothing more becomes of the last word. */
  private void settle() {
    swiped = Collections.emptyList();
    last = null;
    row = null;
    typed = "";
  }

  /** Words were offered before a finger was down. */
  void foretold(List<Suggestion> words) {
    foretold = words;
  }

  private void add(Entry entry, String word) {
    if (!foretold.isEmpty()) {
      entry.foreseen = entry.by.equals("next") || place(foretold, word) > 0;
      foretold = Collections.emptyList();
    }
    last = entry;
    if (noting) entries.add(entry);
  }

  /** Returns the place of a word from 1, 0 if it is not there. */
  private static int place(List<Suggestion> words, String word) {
    for (int i = 0; i < words.size(); i++) {
      if (words.get(i).text.equalsIgnoreCase(word)) return i + 1;
    }
    return 0;
  }

  /** A swipe wrote the first of some words. */
  void swiped(List<Suggestion> words, double ms, String layout, double[] points) {
    settle();
    Entry entry = new Entry("gesture", 1);
    entry.probability = words.get(0).probability;
    entry.ms = ms;
    add(entry, words.get(0).text);
    swiped = words;
    if (!recording) return;
    row = new Row(layout, Json.points(points), words.get(0).text);
    rows.add(row);
  }

  /** A word of taps ended; `stood` was typed and `now` stands there. */
  void ended(String stood, String now, double ms) {
    settle();
    Entry entry = new Entry("taps", 1);
    entry.ms = ms;
    entry.corrected = !stood.equals(now);
    typed = entry.corrected ? stood : "";
    add(entry, now);
  }

  /** A word of the strip was taken, that many places from the best one: another one of a swipe, one that was begun, or the next. */
  void picked(Suggestion word, int rank, boolean begun) {
    int place = last == null ? 0 : place(swiped, word.text);
    if (place > 0) {
      last.rank = place;
      if (row != null) row.word = word.text;
      return;
    }
    if (word.typed) {
      ended(word.text, word.text, Double.NaN);
      return;
    }
    settle();
    add(new Entry(begun ? "completion" : "next", rank), word.text);
  }

  /** Something was taken back; the text before the cursor is now `after`. */
  void takenBack(String before, String after) {
    if (last == null) return;
    if (!typed.isEmpty() && after.trim().endsWith(typed)) {
      last.undone = true;
    } else if (!swiped.isEmpty() && before.length() - after.length() > 1) {
      last.rank = 0;
      rows.remove(row);
    }
    settle();
  }

  /** Letters are typed: the last word stays. */
  void goesOn() {
    settle();
  }

  /** Returns the lines of the ledger and begins anew. */
  String ledger() {
    StringBuilder made = new StringBuilder();
    for (Entry entry : entries) made.append(entry.line());
    entries.clear();
    return made.toString();
  }

  /** Returns the lines of the swipes and begins anew. */
  String swipes() {
    StringBuilder made = new StringBuilder();
    for (Row one : rows) made.append(one.line());
    rows.clear();
    settle();
    return made.toString();
  }
}
