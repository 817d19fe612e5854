package org.edgectc.keyboard;

import android.content.SharedPreferences;
import android.inputmethodservice.InputMethodService;
import android.view.KeyEvent;
import android.view.View;
import android.view.inputmethod.EditorInfo;
import android.view.inputmethod.InputConnection;
import android.widget.LinearLayout;
import java.util.List;
import org.edgectc.core.Candidate;
import org.edgectc.core.Layout;
import org.edgectc.core.Text;
import org.edgectc.core.Trace;

/** The keyboard: swipes become words, taps letters; all on the device. */
public final class SwipeKeyboard extends InputMethodService
    implements KeyboardView.Listener, SuggestionStrip.Listener, Words.Listener {
  private Words words;
  private KeyboardView keyboard;
  private SuggestionStrip strip;
  private SharedPreferences settings;
  private boolean shifted;
  private String swiped = ""; // what the last swipe wrote, as long as nothing came after it

  @Override
  public void onCreate() {
    super.onCreate();
    settings = SettingsActivity.of(this);
    words = new Words(this, this);
    words.load();
  }

  @Override
  public void onDestroy() {
    words.close();
    super.onDestroy();
  }

  @Override
  public View onCreateInputView() {
    strip = new SuggestionStrip(this, this);
    keyboard = new KeyboardView(this, this);
    LinearLayout both = new LinearLayout(this);
    both.setOrientation(LinearLayout.VERTICAL);
    both.addView(strip);
    both.addView(keyboard);
    keyboard.show(words.layout());
    strip.say(words.state());
    return both;
  }

  @Override
  public void onStartInputView(EditorInfo info, boolean restarting) {
    super.onStartInputView(info, restarting);
    swiped = "";
    words.load(); // takes over a changed setting
    keyboard.show(words.layout());
    strip.say(words.state());
    setShift(Text.startsSentence(before()));
  }

  @Override
  public void onState(String message) {
    if (strip != null) {
      keyboard.show(words.layout());
      strip.say(message);
    }
  }

  @Override
  public void onMoving(Trace soFar) {
    if (settings.getBoolean(SettingsActivity.LIVE, true)) {
      words.guess(soFar, before());
    }
  }

  @Override
  public void onSwipe(Trace trace) {
    words.decode(trace, before());
  }

  @Override
  public void onCandidates(List<Candidate> found, boolean partial) {
    if (strip == null) {
      return;
    }
    strip.show(found, partial);
    if (partial) {
      return;
    }
    if (found.isEmpty()) {
      strip.say(getString(R.string.no_word));
    } else {
      write(found.get(0).text);
    }
  }

  @Override
  public void onChosen(Candidate candidate) {
    InputConnection editor = getCurrentInputConnection();
    if (editor != null && !swiped.isEmpty()) {
      editor.deleteSurroundingText(swiped.length(), 0);
      shifted = Character.isUpperCase(swiped.trim().charAt(0));
    }
    write(candidate.text);
  }

  /** Writes a word, with a space before it where one is missing. */
  private void write(String word) {
    InputConnection editor = getCurrentInputConnection();
    if (editor == null) {
      return;
    }
    String text = Text.joined(before(), shifted ? Text.capitalized(word) : word);
    editor.commitText(text, 1);
    swiped = text;
    setShift(false);
  }

  @Override
  public void onTap(KeyboardView.Key key) {
    InputConnection editor = getCurrentInputConnection();
    if (editor == null) {
      return;
    }
    if (key.label.equals(KeyboardView.SHIFT)) {
      setShift(!shifted);
    } else if (key.label.equals(KeyboardView.NEXT_LAYOUT)) {
      Layout next = words.nextLayout();
      settings.edit().putString(SettingsActivity.LAYOUT, next.name).apply();
      keyboard.show(next);
    } else if (key.label.equals(KeyboardView.DELETE)) {
      delete(editor);
    } else if (key.label.equals(KeyboardView.ENTER)) {
      if (!sendDefaultEditorAction(true)) {
        sendDownUpKeyEvents(KeyEvent.KEYCODE_ENTER);
      }
      swiped = "";
    } else {
      String text = shifted ? Text.capitalized(key.label) : key.label;
      editor.commitText(text, 1);
      swiped = "";
      setShift(Text.startsSentence(before()));
    }
  }

  /** Takes back the last swiped word, or one character. */
  private void delete(InputConnection editor) {
    CharSequence chosen = editor.getSelectedText(0);
    if (chosen != null && chosen.length() > 0) {
      editor.commitText("", 1);
    } else if (!swiped.isEmpty()) {
      editor.deleteSurroundingText(swiped.length(), 0);
    } else {
      sendDownUpKeyEvents(KeyEvent.KEYCODE_DEL); // takes surrogate pairs whole
    }
    swiped = "";
  }

  @Override
  public void onUpdateSelection(
      int oldStart, int oldEnd, int newStart, int newEnd, int candidatesStart, int candidatesEnd) {
    super.onUpdateSelection(oldStart, oldEnd, newStart, newEnd, candidatesStart, candidatesEnd);
    if (!swiped.isEmpty() && !Text.endsWith(before(), swiped)) {
      swiped = ""; // the cursor went elsewhere
    }
  }

  private String before() {
    InputConnection editor = getCurrentInputConnection();
    CharSequence text = editor == null ? null : editor.getTextBeforeCursor(Words.BEFORE, 0);
    return text == null ? "" : text.toString();
  }

  private void setShift(boolean on) {
    shifted = on;
    keyboard.shift(on);
  }
}
