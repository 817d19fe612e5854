package org.edgectc.keyboard;

import android.app.Activity;
import android.content.Context;
import android.content.SharedPreferences;
import android.os.Bundle;
import android.widget.CheckBox;
import android.widget.CompoundButton;
import android.widget.LinearLayout;
import android.widget.RadioButton;
import android.widget.RadioGroup;
import android.widget.ScrollView;
import android.widget.TextView;
import java.util.List;

/** Layout, runtime, and words while the finger moves. */
public final class SettingsActivity extends Activity
    implements RadioGroup.OnCheckedChangeListener, CompoundButton.OnCheckedChangeListener {
  static final String LAYOUT = "layout";
  static final String RUNTIME = "runtime";
  static final String LIVE = "live";
  private SharedPreferences settings;

  /** Returns the settings that the keyboard and this page share. */
  static SharedPreferences of(Context context) {
    return context.getSharedPreferences("settings", MODE_PRIVATE);
  }

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    settings = of(this);
    int edge = Math.round(16 * getResources().getDisplayMetrics().density);
    LinearLayout page = new LinearLayout(this);
    page.setOrientation(LinearLayout.VERTICAL);
    page.setPadding(edge, edge, edge, edge);
    choice(page, R.string.layout, LAYOUT, Assets.layouts(this));
    choice(page, R.string.runtime, RUNTIME, Assets.runtimes(this));
    CheckBox live = new CheckBox(this);
    live.setText(R.string.live);
    live.setChecked(settings.getBoolean(LIVE, true));
    live.setOnCheckedChangeListener(this);
    page.addView(live);
    page.addView(line(R.string.about));
    ScrollView all = new ScrollView(this);
    all.addView(page);
    setContentView(all);
  }

  private TextView line(int text) {
    TextView line = new TextView(this);
    line.setText(text);
    line.setTextSize(16);
    line.setPadding(0, 24, 0, 8);
    return line;
  }

  private void choice(LinearLayout page, int title, String setting, List<String> values) {
    page.addView(line(title));
    RadioGroup group = new RadioGroup(this);
    group.setTag(setting);
    String chosen = settings.getString(setting, values.isEmpty() ? "" : values.get(0));
    for (String value : values) {
      RadioButton button = new RadioButton(this);
      button.setText(value);
      button.setTag(value);
      button.setId(android.view.View.generateViewId());
      group.addView(button);
      if (value.equals(chosen)) {
        group.check(button.getId());
      }
    }
    group.setOnCheckedChangeListener(this);
    page.addView(group);
  }

  @Override
  public void onCheckedChanged(RadioGroup group, int id) {
    String value = (String) group.findViewById(id).getTag();
    settings.edit().putString((String) group.getTag(), value).apply();
  }

  @Override
  public void onCheckedChanged(CompoundButton button, boolean on) {
    settings.edit().putBoolean(LIVE, on).apply();
  }
}
