package com.android.inputmethod.latin;

public final class DicTraverseSession {
  public static native int c0();
  public static native int c1();
  public static native int c2();
}
