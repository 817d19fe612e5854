package org.edgectc.keyboard;

import android.content.Context;
import android.util.TypedValue;
import android.view.Gravity;
import android.view.View;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.util.List;
import org.edgectc.core.Candidate;

/** The row above the keys: candidates to tap, or one message. */
final class SuggestionStrip extends LinearLayout implements View.OnClickListener {
  /** What the user did. */
  interface Listener {
    /** A candidate was tapped. */
    void onChosen(Candidate candidate);
  }

  static final int MOST = 5;
  private static final float HEIGHT_DP = 44;
  private final TextView[] slots = new TextView[MOST];
  private final Listener listener;

  SuggestionStrip(Context context, Listener listener) {
    super(context);
    this.listener = listener;
    setBackgroundColor(context.getColor(R.color.board));
    float dp = getResources().getDisplayMetrics().density;
    for (int i = 0; i < MOST; i++) {
      TextView slot = new TextView(context);
      slot.setGravity(Gravity.CENTER);
      slot.setMaxLines(1);
      slot.setTextColor(context.getColor(R.color.ink));
      slot.setTextSize(TypedValue.COMPLEX_UNIT_SP, i == 0 ? 18 : 16);
      slot.setOnClickListener(this);
      slots[i] = slot;
      addView(slot, new LayoutParams(0, Math.round(HEIGHT_DP * dp), 1));
    }
  }

  /** Shows candidates, the best first; those of an unfinished swipe cannot be chosen yet. */
  void show(List<Candidate> candidates, boolean partial) {
    for (int i = 0; i < MOST; i++) {
      Candidate candidate = i < candidates.size() ? candidates.get(i) : null;
      slots[i].setVisibility(VISIBLE);
      slots[i].setText(candidate == null ? "" : candidate.text);
      slots[i].setTag(partial ? null : candidate);
      slots[i].setAlpha(partial ? 0.6f : 1f);
    }
  }

  /** Shows a message instead of candidates; nothing if it is empty. */
  void say(String message) {
    for (int i = 0; i < MOST; i++) {
      slots[i].setText(i == 0 ? message : "");
      slots[i].setTag(null);
      slots[i].setAlpha(1f);
      slots[i].setVisibility(i == 0 || message.isEmpty() ? VISIBLE : GONE);
    }
  }

  @Override
  public void onClick(View slot) {
    if (slot.getTag() != null) {
      listener.onChosen((Candidate) slot.getTag());
    }
  }
}
