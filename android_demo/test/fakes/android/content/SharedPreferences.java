package android.content;

import java.util.Map;
import java.util.TreeMap;

public interface SharedPreferences {
  boolean getBoolean(String name, boolean otherwise);

  String getString(String name, String otherwise);

  Editor edit();

  interface Editor {
    Editor putBoolean(String name, boolean value);

    Editor putString(String name, String value);

    void apply();
  }

  final class Fake implements SharedPreferences, Editor {
    private final Map<String, Object> kept = new TreeMap<>();

    @Override
    public boolean getBoolean(String name, boolean otherwise) {
      return kept.containsKey(name) ? (Boolean) kept.get(name) : otherwise;
    }

    @Override
    public String getString(String name, String otherwise) {
      return kept.containsKey(name) ? (String) kept.get(name) : otherwise;
    }

    @Override
    public Editor edit() {
      return this;
    }

    @Override
    public Editor putBoolean(String name, boolean value) {
      kept.put(name, value);
      return this;
    }

    @Override
    public Editor putString(String name, String value) {
      kept.put(name, value);
      return this;
    }

    @Override
    public void apply() {}
  }
}
