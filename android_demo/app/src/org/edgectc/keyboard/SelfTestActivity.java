package org.edgectc.keyboard;

import android.app.Activity;
import android.os.Bundle;
import android.widget.ScrollView;
import android.widget.TextView;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import org.edgectc.core.Artifact;
import org.edgectc.core.Json;
import org.edgectc.core.Layout;
import org.edgectc.core.Recognizer;
import org.edgectc.core.SelfTest;
import org.edgectc.core.Trace;

/** Runs the model's own reference cases on this device: a badge, and the time of each stage. */
public final class SelfTestActivity extends Activity {
  private static final int RUNS = 50;
  private TextView page;

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    int edge = Math.round(16 * getResources().getDisplayMetrics().density);
    page = new TextView(this);
    page.setPadding(edge, edge, edge, edge);
    page.setTextIsSelectable(true);
    page.setTextSize(16);
    page.setText(R.string.loading);
    ScrollView all = new ScrollView(this);
    all.addView(page);
    setContentView(all);
    new Thread("self-test") {
      @Override
      public void run() {
        show(everything());
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

  private String everything() {
    StringBuilder text = new StringBuilder();
    for (String runtime : Assets.runtimes(this)) {
      text.append(runtime).append('\n');
      try {
        Artifact artifact = Assets.artifact(this, runtime);
        Recognizer recognizer = Assets.recognizer(this, artifact, runtime);
        text.append(report(artifact, recognizer));
        recognizer.close();
      } catch (Exception | LinkageError error) {
        text.append("✗ ").append(error.getMessage()).append('\n');
      }
      text.append('\n');
    }
    return text.length() == 0 ? getString(R.string.no_model, "no model packed") : text.toString();
  }

  private static String report(Artifact artifact, Recognizer recognizer) {
    SelfTest test = SelfTest.run(artifact, recognizer);
    String scheme = Json.text(Json.object(artifact.manifest, "scheme"), "type");
    StringBuilder text = new StringBuilder();
    text.append(test.passed() ? "✓ parity\n" : "✗ parity\n");
    text.append(
        String.format(
            Locale.ROOT,
            "%s, %s, %.2f MB\nlargest difference %.1e over %d cases\n%d of %d words\n",
            Json.text(artifact.manifest, "name"),
            scheme,
            artifact.bytes.capacity() / 1e6,
            test.worst,
            test.cases,
            test.rightWords,
            test.words));
    for (String fault : test.faults) {
      text.append(fault).append('\n');
    }
    for (Map.Entry<String, Double> stage : stages(recognizer).entrySet()) {
      text.append(
          String.format(Locale.ROOT, "%s %.2f ms\n", stage.getKey(), stage.getValue()));
    }
    return text.toString();
  }

  /** Median milliseconds of each stage over a swipe through the keys of one row. */
  private static Map<String, Double> stages(Recognizer recognizer) {
    Layout layout = recognizer.layouts().get(0);
    Trace trace = new Trace();
    for (int i = 0; i < 60; i++) {
      trace.add(0.05 + 0.9 * i / 59, layout.centers[1], 16 * i);
    }
    Map<String, double[]> all = new java.util.LinkedHashMap<>();
    for (int run = 0; run < RUNS; run++) {
      recognizer.decode(trace, layout, Collections.<String>emptyList(), 5, false);
      for (Map.Entry<String, Long> stage : recognizer.times.entrySet()) {
        if (!all.containsKey(stage.getKey())) {
          all.put(stage.getKey(), new double[RUNS]);
        }
        all.get(stage.getKey())[run] = stage.getValue() / 1e6;
      }
    }
    Map<String, Double> medians = new java.util.LinkedHashMap<>();
    for (Map.Entry<String, double[]> stage : all.entrySet()) {
      java.util.Arrays.sort(stage.getValue());
      medians.put(stage.getKey(), stage.getValue()[RUNS / 2]);
    }
    return medians;
  }
}
