package org.edgectc.keyboard;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.provider.Settings;
import android.view.View;
import android.view.inputmethod.InputMethodManager;
import android.widget.Button;
import android.widget.EditText;
import android.widget.LinearLayout;
import android.widget.ScrollView;
import android.widget.TextView;

/** The way in: enable the keyboard, choose it, try it; settings and self-test. */
public final class MainActivity extends Activity implements View.OnClickListener {
  private static final int[] BUTTONS = {
    R.string.enable, R.string.choose, R.string.settings, R.string.self_test
  };

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    int edge = Math.round(16 * getResources().getDisplayMetrics().density);
    LinearLayout page = new LinearLayout(this);
    page.setOrientation(LinearLayout.VERTICAL);
    page.setPadding(edge, edge, edge, edge);
    for (int text : BUTTONS) {
      Button button = new Button(this);
      button.setText(text);
      button.setTag(text);
      button.setOnClickListener(this);
      page.addView(button);
    }
    EditText field = new EditText(this);
    field.setHint(R.string.try_it);
    field.setMinLines(3);
    page.addView(field, 2);
    TextView about = new TextView(this);
    about.setText(R.string.about);
    page.addView(about);
    ScrollView all = new ScrollView(this);
    all.addView(page);
    setContentView(all);
  }

  @Override
  public void onClick(View button) {
    int chosen = (Integer) button.getTag();
    if (chosen == R.string.enable) {
      startActivity(new Intent(Settings.ACTION_INPUT_METHOD_SETTINGS));
    } else if (chosen == R.string.choose) {
      ((InputMethodManager) getSystemService(INPUT_METHOD_SERVICE)).showInputMethodPicker();
    } else if (chosen == R.string.settings) {
      startActivity(new Intent(this, SettingsActivity.class));
    } else {
      startActivity(new Intent(this, SelfTestActivity.class));
    }
  }
}
