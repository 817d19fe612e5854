package org.edgectc.keyboard;

import android.app.Activity;
import android.view.View;
import android.view.ViewGroup;
import android.view.WindowInsets;
import android.widget.LinearLayout;
import android.widget.ScrollView;

/** What the app's pages share. */
final class Pages {
  private Pages() {}

  /** Shows a column that scrolls and keeps off the system's bars. */
  static LinearLayout column(Activity activity) {
    int edge = Math.round(16 * activity.getResources().getDisplayMetrics().density);
    LinearLayout column = new LinearLayout(activity);
    column.setOrientation(LinearLayout.VERTICAL);
    column.setPadding(edge, edge, edge, edge);
    ScrollView all = new ScrollView(activity);
    all.addView(column);
    activity.setContentView(all);
    insets(all);
    return column;
  }

  /** Keeps what a view shows off the bars that the system draws over it. */
  @SuppressWarnings("deprecation") // its successor is younger than the oldest Android that this runs on
  static void insets(ViewGroup view) {
    view.setClipToPadding(false);
    view.setOnApplyWindowInsetsListener(
        new View.OnApplyWindowInsetsListener() {
          @Override
          public WindowInsets onApplyWindowInsets(View shown, WindowInsets insets) {
            shown.setPadding(
                insets.getSystemWindowInsetLeft(),
                insets.getSystemWindowInsetTop(),
                insets.getSystemWindowInsetRight(),
                insets.getSystemWindowInsetBottom());
            return insets;
          }
        });
  }
}
