package org.edgectc.keyboard;

import android.app.Activity;
import android.content.Intent;
import android.os.Build;
import android.os.Bundle;
import android.view.View;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.io.IOException;
import java.util.List;
import org.edgectc.EdgectcException;
import org.edgectc.Field;
import org.edgectc.Keyboard;
import org.edgectc.Suggestion;
import org.edgectc.keyboard.Board.Key;

/** The phone kit: measures, asks for twenty words, and saves one file. */
public final class KitActivity extends Activity implements View.OnClickListener, KeyboardView.Listener {
  private static final int SAVE = 1;
  private static final int[] BUTTONS = {R.string.kit_skip, R.string.kit_finish, R.string.kit_save};
  private final Button[] buttons = new Button[BUTTONS.length];
  private TextView page;
  private LinearLayout column;
  private KeyboardView view;
  private List<Layout> layouts;
  private Keyboard keyboard;
  private PhoneKit kit;
  private Board board;

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    setTitle(R.string.kit);
    column = new LinearLayout(this); // it does not scroll: a finger on the keys is no scrolling
    column.setOrientation(LinearLayout.VERTICAL);
    Pages.insets(column);
    setContentView(column);
    page = new TextView(this);
    page.setTextSize(20);
    page.setText(R.string.kit_measuring);
    column.addView(page);
    for (int i = 0; i < BUTTONS.length; i++) {
      buttons[i] = new Button(this);
      buttons[i].setText(BUTTONS[i]);
      buttons[i].setTag(BUTTONS[i]);
      buttons[i].setOnClickListener(this);
      buttons[i].setVisibility(View.GONE);
      column.addView(buttons[i]);
    }
    layouts = Layout.of(Model.text(this, "layouts.txt"));
    new Thread("kit") {
      @Override
      public void run() {
        measure();
      }
    }.start();
  }

  @Override
  protected void onDestroy() {
    super.onDestroy();
    if (keyboard != null) keyboard.close();
  }

  private void measure() {
    try {
      long start = System.nanoTime();
      keyboard = Model.open(this);
      kit = new PhoneKit(keyboard, new Trials(Model.text(this, "trials.txt")), layouts, (System.nanoTime() - start) / 1e6);
      kit.measure();
      later(null);
    } catch (EdgectcException | IOException | LinkageError error) {
      later("✗ " + error.getMessage());
    }
  }

  private void later(final String problem) {
    runOnUiThread(
        new Runnable() {
          @Override
          public void run() {
            if (problem == null) begin();
            else page.setText(problem);
          }
        });
  }

  private void begin() {
    view = new KeyboardView(this, this);
    view.set(Settings.of(this), Palette.LIGHT);
    view.show(Board.Page.LETTERS, layouts.get(0), false, Field.of(1, 0), "");
    column.addView(view);
    ask("");
  }

  private void ask(String heard) {
    boolean more = !kit.prompt().isEmpty();
    buttons[0].setVisibility(more ? View.VISIBLE : View.GONE);
    buttons[1].setVisibility(more ? View.VISIBLE : View.GONE);
    buttons[2].setVisibility(more ? View.GONE : View.VISIBLE);
    view.setVisibility(more ? View.VISIBLE : View.GONE);
    page.setText(more ? getString(R.string.kit_swipe, kit.place() + 1, kit.prompts(), kit.prompt(), heard) : kit.told());
  }

  @Override
  public void onClick(View button) {
    int chosen = (Integer) button.getTag();
    if (chosen == R.string.kit_save) {
      Saved.ask(this, SAVE, "edgectc-phone.json", "application/json");
      return;
    }
    do kit.skip();
    while (chosen == R.string.kit_finish && !kit.prompt().isEmpty());
    ask("");
  }

  @Override
  protected void onActivityResult(int asked, int result, Intent chosen) {
    if (asked == SAVE) Saved.write(this, chosen, kit.json(Build.MANUFACTURER + " " + Build.MODEL, "Android " + Build.VERSION.RELEASE));
  }

  @Override
  public void onBoard(Board laid) {
    board = laid;
  }

  @Override
  public void onSwipe(double[] points) {
    if (kit.prompt().isEmpty()) return;
    String heard = kit.swipe(board.inLetterArea(points), layouts.get(0));
    ask(heard.isEmpty() ? getString(R.string.no_word) : heard);
  }

  @Override
  public boolean swipes() {
    return true;
  }

  @Override
  public void onPress(Key key) {}

  @Override
  public void onKey(Key key, String text, float x, float y, boolean chosen) {
    view.say(getString(R.string.kit_tap));
  }

  @Override
  public void onMoving(double[] points) {}

  @Override
  public void onRepeat(int times) {}

  @Override
  public void onCursor(int characters) {}

  @Override
  public void onDelete(int words, boolean done) {}

  @Override
  public void onPick(Suggestion suggestion) {}
}
