package org.edgectc.keyboard;

/** Colours, as ARGB. */
final class Palette {
  static final Palette LIGHT = new Palette(0xffeceff1, 0xffffffff, 0xffcfd8dc, 0xffb0bec5, 0xff102027, 0xff546e7a, 0xff00796b, 0xffffffff);
  static final Palette DARK = new Palette(0xff1c2326, 0xff37474f, 0xff263238, 0xff607d8b, 0xffeceff1, 0xff9fb0b8, 0xff4db6ac, 0xff06201d);
  static final Palette CONTRAST = new Palette(0xff000000, 0xff303030, 0xff181818, 0xff707070, 0xffffffff, 0xffe6e6e6, 0xffffd60a, 0xff000000);

  final int board, key, special, pressed, ink, faint, accent, onAccent;

  private Palette(int board, int key, int special, int pressed, int ink, int faint, int accent, int onAccent) {
    this.board = board;
    this.key = key;
    this.special = special;
    this.pressed = pressed;
    this.ink = ink;
    this.faint = faint;
    this.accent = accent;
    this.onAccent = onAccent;
  }

  /** Returns the colours of a theme of the settings; `dark`: the system is. */
  static Palette of(String theme, boolean dark) {
    if (theme.equals("contrast")) return CONTRAST;
    return theme.equals("dark") || (dark && !theme.equals("light")) ? DARK : LIGHT;
  }
}
