package com.android.inputmethod.keyboard;

public final class ProximityInfo {
  public static native long setProximityInfoNative(
      int width, int height, int gridWidth, int gridHeight, int keyWidth, int keyHeight, int[] near, int n,
      int[] x, int[] y, int[] widths, int[] heights, int[] codes, float[] spotsX, float[] spotsY, float[] radii);

  public static native int d0();
}
