package android.widget;

import android.content.Context;
import android.view.View;

public class TextView extends View {
  public String text = "";

  public TextView(Context context) {
    super(context);
  }

  public void setText(CharSequence given) {
    text = given.toString();
  }

  public void setText(int id) {
    text = getResources().getString(id);
  }

  public void setTextSize(float size) {}
}
