package org.edgectc.keyboard;

import android.content.Context;
import android.content.SharedPreferences;

/** What the user chose; res/xml/settings.xml shows the same names. */
final class Settings {
  static final String FILE = "settings";
  static final String LAYOUT = "layout", HEIGHT = "height", THEME = "theme", HAND = "hand";
  static final String NUMBER_ROW = "number_row", PREVIEW = "preview", LIVE = "live", SUGGEST = "suggest", CORRECT = "correct";
  static final String LEARN = "learn", HAPTICS = "haptics", SOUND = "sound";
  static final String LEDGER = "ledger", RECORD = "record"; // what is noted of typing
  static final String SAVE_LEDGER = "save_ledger", SAVE_SWIPES = "save_swipes", DELETE_NOTES = "delete_notes";
  static final String CLEAR = "clear"; // the words are to be forgotten

  private final SharedPreferences kept;

  private Settings(SharedPreferences kept) {
    this.kept = kept;
  }

  static Settings of(Context context) {
    return new Settings(context.getSharedPreferences(FILE, Context.MODE_PRIVATE));
  }

  boolean is(String name) {
    boolean off = name.equals(NUMBER_ROW) || name.equals(SOUND) || name.equals(CLEAR) || name.equals(LEDGER) || name.equals(RECORD);
    return kept.getBoolean(name, !off);
  }

  void set(String name, boolean on) {
    kept.edit().putBoolean(name, on).apply();
  }

  String layout() {
    return kept.getString(LAYOUT, "");
  }

  void layout(String name) {
    kept.edit().putString(LAYOUT, name).apply();
  }

  /** Returns the height of a row, 1 for the usual one. */
  float height() {
    String chosen = kept.getString(HEIGHT, "");
    return chosen.equals("low") ? 0.85f : chosen.equals("high") ? 1.15f : 1;
  }

  /** Returns -1 for a board at the left, 1 for one at the right, 0 for a whole one. */
  int side() {
    String chosen = kept.getString(HAND, "");
    return chosen.equals("left") ? -1 : chosen.equals("right") ? 1 : 0;
  }

  void side(int side) {
    kept.edit().putString(HAND, side < 0 ? "left" : side > 0 ? "right" : "both").apply();
  }

  /** Returns "light", "dark", "contrast", or else what the system has. */
  String theme() {
    return kept.getString(THEME, "");
  }
}
