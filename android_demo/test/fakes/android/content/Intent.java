package android.content;

import android.net.Uri;
import java.util.HashMap;
import java.util.Map;

public class Intent {
  public static final String ACTION_CREATE_DOCUMENT = "create", CATEGORY_OPENABLE = "openable", EXTRA_TITLE = "title";
  public final Map<String, String> extras = new HashMap<>();
  public final String action;
  public String type;
  private final Uri data;

  public Intent(String action) {
    this(action, null);
  }

  public Intent(String action, Uri data) {
    this.action = action;
    this.data = data;
  }

  public Uri getData() {
    return data;
  }

  public Intent setType(String given) {
    type = given;
    return this;
  }

  public Intent addCategory(String category) {
    return this;
  }

  public Intent putExtra(String name, String value) {
    extras.put(name, value);
    return this;
  }
}
