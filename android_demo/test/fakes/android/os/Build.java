package android.os;

public class Build {
  public static final String MANUFACTURER = "Fake", MODEL = "One";

  public static class VERSION {
    public static final String RELEASE = "6.0";
  }
}
