package com.android.inputmethod.latin;

public final class BinaryDictionary {
  public static native long openNative(String path, long offset, long size, boolean updatable);

  public static native void getSuggestionsNative(
      long dictionary, long proximity, long session, int[] x, int[] y, int[] times, int[] pointers,
      int[] typed, int n, int[] options, int[][] words, boolean[] begins, int count, int[] outCount,
      int[] outCodes, int[] outScores, int[] outSpaces, int[] outTypes, int[] outSure, float[] weight);

  public static native int a0();
  public static native int a1();
  public static native int a2();
  public static native int a3();
  public static native int a4();
  public static native int a5();
  public static native int a6();
  public static native int a7();
  public static native int a8();
  public static native int a9();
  public static native int a10();
  public static native int a11();
  public static native int a12();
  public static native int a13();
  public static native int a14();
  public static native int a15();
  public static native int a16();
  public static native int a17();
  public static native int a18();
  public static native int a19();
  public static native int a20();
}
