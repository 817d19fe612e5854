package org.edgectc.keyboard;

import android.app.Activity;
import android.os.Bundle;
import android.widget.TextView;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.edgectc.EdgectcException;
import org.edgectc.Key;
import org.edgectc.Keyboard;
import org.edgectc.runtimes.Cases;

/** Runs the model's own reference cases on this device, and shows what a swipe takes. */
public final class SelfTestActivity extends Activity {
  private static final int RUNS = 50;
  private TextView page;

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    page = new TextView(this);
    page.setTextIsSelectable(true);
    page.setTextSize(16);
    page.setText(R.string.loading);
    Pages.column(this).addView(page);
    new Thread("self-test") {
      @Override
      public void run() {
        show(library() + runtimes());
      }
    }.start();
  }

  private void show(final String text) {
    runOnUiThread(
        new Runnable() {
          @Override
          public void run() {
            page.setText(text);
          }
        });
  }

  private String library() {
    long start = System.nanoTime();
    try (Keyboard keyboard = Model.open(this)) {
      double opened = (System.nanoTime() - start) / 1e6;
      keyboard.test();
      Layout layout = Layout.of(Model.text(this, "layouts.txt")).get(0);
      return String.format(
          Locale.ROOT, "✓ edgectc: the model's own cases\nopened in %.1f ms, a swipe %.2f ms, its letters tapped %.2f ms\n",
          opened, median(keyboard, layout, false), median(keyboard, layout, true));
    } catch (EdgectcException | IOException | LinkageError error) {
      return "✗ edgectc: " + error.getMessage() + "\n";
    }
  }

  /** Returns the milliseconds of a path over the keys of a row. */
  private static double median(Keyboard keyboard, Layout layout, boolean taps) {
    List<Key> keys = new ArrayList<>();
    for (int row = 0; row < layout.rows(); row++) {
      for (int i = 0; i < layout.letters(row).length(); i++) {
        double x = layout.start(row) + i * layout.keyWidth(row);
        keys.add(new Key(layout.letters(row).charAt(i), 1000 * x, 150 * row, 1000 * layout.keyWidth(row), 150));
      }
    }
    keyboard.place(keys);
    double[] points = new double[3 * (taps ? 5 : 60)];
    for (int i = 0, n = points.length / 3; i < n; i++) {
      points[3 * i] = 50 + 900.0 * i / (n - 1);
      points[3 * i + 1] = 225;
      points[3 * i + 2] = 16 * i;
    }
    double[] times = new double[RUNS];
    for (int run = 0; run < RUNS; run++) {
      long start = System.nanoTime();
      if (taps) keyboard.tap(points, 5);
      else keyboard.swipe(points, 5);
      times[run] = (System.nanoTime() - start) / 1e6;
    }
    Arrays.sort(times);
    return times[RUNS / 2];
  }

  /** Returns what the runtimes say that were packed beside the library, each with the model's cases. */
  private String runtimes() {
    StringBuilder text = new StringBuilder();
    try {
      for (String name : getAssets().list("runtimes")) {
        if (name.endsWith(".cases")) text.append(Cases.report(getAssets().open("runtimes/" + name), name, RUNS));
      }
    } catch (IOException error) {
      text.append("✗ ").append(error.getMessage()).append('\n');
    }
    return text.toString();
  }
}
