package org.edgectc.keyboard;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.provider.Settings;
import android.text.InputType;
import android.view.View;
import android.view.inputmethod.InputMethodManager;
import android.widget.Button;
import android.widget.EditText;
import android.widget.LinearLayout;
import android.widget.TextView;

/** The way in: enable the keyboard, choose it, try it; settings and self-test. */
public final class MainActivity extends Activity implements View.OnClickListener {
  private static final int[] BUTTONS = {R.string.enable, R.string.choose, R.string.settings, R.string.self_test, R.string.kit};

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    LinearLayout page = Pages.column(this);
    for (int text : BUTTONS) {
      Button button = new Button(this);
      button.setText(text);
      button.setTag(text);
      button.setOnClickListener(this);
      page.addView(button);
    }
    EditText field = new EditText(this);
    field.setId(R.id.field); // so that its text is kept when the screen is turned
    field.setHint(R.string.try_it);
    field.setInputType(
        InputType.TYPE_CLASS_TEXT | InputType.TYPE_TEXT_FLAG_CAP_SENTENCES | InputType.TYPE_TEXT_FLAG_MULTI_LINE);
    field.setMinLines(3);
    page.addView(field, 2);
    TextView about = new TextView(this);
    about.setText(R.string.about);
    page.addView(about);
  }

  @Override
  public void onClick(View button) {
    int chosen = (Integer) button.getTag();
    if (chosen == R.string.enable) {
      startActivity(new Intent(Settings.ACTION_INPUT_METHOD_SETTINGS));
    } else if (chosen == R.string.choose) {
      ((InputMethodManager) getSystemService(INPUT_METHOD_SERVICE)).showInputMethodPicker();
    } else {
      Class<?> page = chosen == R.string.settings ? SettingsActivity.class : chosen == R.string.kit ? KitActivity.class : SelfTestActivity.class;
      startActivity(new Intent(this, page));
    }
  }
}
