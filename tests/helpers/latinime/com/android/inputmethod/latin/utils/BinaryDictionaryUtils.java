package com.android.inputmethod.latin.utils;

public final class BinaryDictionaryUtils {
  public static native int b0();
  public static native int b1();
  public static native int b2();
}
