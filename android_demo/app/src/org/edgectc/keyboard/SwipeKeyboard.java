package org.edgectc.keyboard;

import android.content.res.Configuration;
import android.inputmethodservice.InputMethodService;
import android.media.AudioManager;
import android.os.SystemClock;
import android.view.HapticFeedbackConstants;
import android.view.KeyEvent;
import android.view.View;
import android.view.inputmethod.EditorInfo;
import android.view.inputmethod.InputConnection;
import java.text.BreakIterator;
import java.util.Collections;
import java.util.List;
import org.edgectc.EdgectcException;
import org.edgectc.Field;
import org.edgectc.Keyboard;
import org.edgectc.Suggestion;
import org.edgectc.Typing;
import org.edgectc.keyboard.Board.Key;

/** The keyboard: what fingers do goes to the library's rules of typing, and what these write to the field. */
public final class SwipeKeyboard extends InputMethodService
    implements KeyboardView.Listener, Engine.Listener, Typing.Editor {
  private static final int TWICE_MS = 400; // two taps on shift lock it
  private static final int REPEATS = 20; // characters until a held delete takes words
  private static final int AROUND = 256; // characters that the cursor can be moved over at once
  private final Typing typing = new Typing(this);
  private final Journal journal = new Journal();
  private Engine engine;
  private Settings settings;
  private List<Layout> layouts;
  private KeyboardView view;
  private Keyboard keyboard; // null until the model is there
  private EditorInfo info = new EditorInfo();
  private String state; // what is wrong; "" if nothing is
  private String before; // what a finger that slides from delete goes over
  private long shifted; // when shift was tapped
  private int cursor; // end of the selection
  private boolean tapping; // letters before the cursor were tapped

  @Override
  public void onCreate() {
    super.onCreate();
    settings = Settings.of(this);
    layouts = Layout.of(Model.text(this, "layouts.txt"));
    state = getString(R.string.loading);
    engine = new Engine(this, this);
    engine.load();
  }

  @Override
  public void onDestroy() {
    typing.use(null);
    keyboard = null;
    engine.close();
    super.onDestroy();
  }

  @Override
  public void onReady(Keyboard opened, String problem) {
    state = problem.isEmpty() ? "" : getString(R.string.no_model, problem);
    keyboard = problem.isEmpty() ? opened : null;
    typing.use(keyboard);
    if (view == null) return;
    if (view.board() != null) onBoard(view.board());
    refresh();
  }

  @Override
  public View onCreateInputView() {
    view = new KeyboardView(this, this);
    show(Board.Page.LETTERS);
    return view;
  }

  @Override
  public boolean onEvaluateFullscreenMode() {
    return false; // the field stays in sight when the screen is turned
  }

  @Override
  public void onStartInput(EditorInfo started, boolean restarting) {
    super.onStartInput(started, restarting);
    info = started;
    cursor = started.initialSelEnd;
    typing.begin(Field.of(started.inputType, started.imeOptions));
    if (view != null) view.suggest(Collections.<Suggestion>emptyList(), false);
  }

  @Override
  public void onStartInputView(EditorInfo started, boolean restarting) {
    super.onStartInputView(started, restarting);
    if (settings.is(Settings.CLEAR)) {
      settings.set(Settings.CLEAR, false);
      engine.clear();
    }
    typing.allow(settings.is(Settings.LEARN), settings.is(Settings.CORRECT));
    boolean open = typing.field().words && typing.field().learns;
    journal.want(open && settings.is(Settings.LEDGER), open && settings.is(Settings.RECORD));
    show(Board.first(typing.field()));
    refresh();
  }

  @Override
  public void onFinishInput() {
    typing.end();
    engine.save();
    engine.note(Notes.LEDGER, Journal.HEAD, journal.ledger());
    engine.note(Notes.SWIPES, "", journal.swipes());
    super.onFinishInput();
  }

  @Override
  public void onUpdateSelection(int oldStart, int oldEnd, int start, int end, int from, int to) {
    super.onUpdateSelection(oldStart, oldEnd, start, end, from, to);
    cursor = end;
    if (before != null) return; // it is the finger on delete that selects
    if (typing.moved()) refresh();
  }

  private void show(Board.Page page) {
    boolean dark = (getResources().getConfiguration().uiMode & Configuration.UI_MODE_NIGHT_MASK) == Configuration.UI_MODE_NIGHT_YES;
    view.set(settings, Palette.of(settings.theme(), dark));
    view.show(page, layout(), layouts.size() > 1, typing.field(), action());
  }

  private Layout layout() {
    for (Layout layout : layouts) {
      if (layout.name.equals(settings.layout())) return layout;
    }
    return layouts.get(0);
  }

  /** Returns what the enter key says, "" where it begins a line. */
  private String action() {
    if (info.actionLabel != null) return info.actionLabel.toString();
    switch (actionOf(info)) {
      case EditorInfo.IME_ACTION_GO:
        return getString(R.string.go);
      case EditorInfo.IME_ACTION_SEARCH:
        return getString(R.string.search);
      case EditorInfo.IME_ACTION_SEND:
        return getString(R.string.send);
      case EditorInfo.IME_ACTION_NEXT:
        return getString(R.string.next);
      case EditorInfo.IME_ACTION_DONE:
        return getString(R.string.done);
      default:
        return "";
    }
  }

  private static int actionOf(EditorInfo info) {
    boolean none = (info.imeOptions & EditorInfo.IME_FLAG_NO_ENTER_ACTION) != 0;
    return none ? EditorInfo.IME_ACTION_NONE : info.imeOptions & EditorInfo.IME_MASK_ACTION;
  }

  /** Shows what holds now: capitals, and what the strip can offer. */
  private void refresh() {
    if (view == null) return;
    view.shift(typing.shift());
    if (!state.isEmpty()) view.say(state);
    else if (!typing.field().words || !settings.is(Settings.SUGGEST)) view.suggest(Collections.<Suggestion>emptyList(), false);
    else engine.ask(typing.request(), false);
  }

  @Override
  public void onAnswer(Typing.Request request, List<Suggestion> found, boolean moving) {
    if (view == null || !typing.holds(request) || !state.isEmpty()) return;
    view.suggest(found, moving);
    if (!moving && !lettersBefore()) journal.foretold(found);
  }

  @Override
  public void onBoard(Board board) {
    List<org.edgectc.Key> keys = board.forWords();
    if (keyboard == null || keys.isEmpty()) return;
    try {
      keyboard.place(keys);
    } catch (EdgectcException refused) { // a layout without a letter that the lexicon has
      state = getString(R.string.no_model, refused.getMessage());
    }
  }

  @Override
  public boolean swipes() {
    return typing.swipes() && state.isEmpty();
  }

  @Override
  public void onPress(Key key) {
    if (settings.is(Settings.HAPTICS)) view.performHapticFeedback(HapticFeedbackConstants.KEYBOARD_TAP);
    if (settings.is(Settings.SOUND)) {
      ((AudioManager) getSystemService(AUDIO_SERVICE)).playSoundEffect(AudioManager.FX_KEYPRESS_STANDARD);
    }
  }

  @Override
  public void onMoving(double[] points) {
    if (settings.is(Settings.LIVE)) engine.ask(typing.moving(points), true);
  }

  @Override
  public void onSwipe(double[] points) {
    long start = System.nanoTime();
    List<Suggestion> found = typing.swipe(points);
    double ms = (System.nanoTime() - start) / 1e6;
    tapping = false;
    if (!found.isEmpty() && journal.isOn()) journal.swiped(found, ms, layout().name, view.board().inLetterArea(points));
    view.shift(typing.shift());
    if (found.isEmpty()) view.say(getString(R.string.no_word));
    else view.suggest(found, false);
  }

  @Override
  public void onPick(Suggestion picked) {
    journal.picked(picked, view.strip.rank(picked), lettersBefore());
    tapping = false;
    typing.pick(picked);
    refresh();
  }

  @Override
  public void onKey(Key key, String text, float x, float y, boolean chosen) {
    if (key.kind != Board.Kind.SHIFT) shifted = 0;
    String stood = journal.isOn() ? before(AROUND) : "";
    long start = System.nanoTime();
    write(key, text, x, y, chosen);
    if (journal.isOn() && key.kind != Board.Kind.SHIFT) note(key, stood, (System.nanoTime() - start) / 1e6);
    if (key.kind != Board.Kind.SHIFT) refresh(); // else the strip stays
  }

  /** Notes what a key did to the text before the cursor. */
  private void note(Key key, String stood, double ms) {
    String now = before(AROUND);
    if (key.kind == Board.Kind.DELETE) {
      journal.takenBack(stood, now);
      return;
    }
    String word = stood.substring(wordStart(stood, stood.length()));
    int end = now.length();
    while (end > 0 && !Character.isLetter(now.charAt(end - 1))) end--;
    if (!word.isEmpty() && end < now.length() && tapping) journal.ended(word, now.substring(wordStart(now, end), end), ms);
    else if (key.kind == Board.Kind.LETTER) journal.goesOn();
    tapping = key.kind == Board.Kind.LETTER && end == now.length();
  }

  private boolean lettersBefore() {
    String text = before(AROUND);
    return tapping && wordStart(text, text.length()) < text.length();
  }

  /** Returns where the letters begin that end there. */
  private static int wordStart(String text, int end) {
    int start = end;
    while (start > 0 && (Character.isLetter(text.charAt(start - 1)) || "'’".indexOf(text.charAt(start - 1)) >= 0)) start--;
    return start;
  }

  private void write(Key key, String text, float x, float y, boolean chosen) {
    switch (key.kind) {
      case LETTER:
        if (!Character.isLetter(text.codePointAt(0))) typing.sign(text);
        else if (chosen) typing.chosen(text, x, y);
        else typing.letter(text, x, y);
        break;
      case SIGN:
        typing.sign(text);
        break;
      case SPACE:
        typing.sign(" ");
        if (view.page() != Board.Page.LETTERS && view.page() != Board.Page.NUMBERS) show(Board.Page.LETTERS);
        break;
      case SHIFT:
        typing.shift(SystemClock.uptimeMillis() - shifted < TWICE_MS);
        shifted = typing.shift() == Typing.Shift.LOCK ? 0 : SystemClock.uptimeMillis();
        view.shift(typing.shift());
        break;
      case DELETE:
        typing.backspace();
        break;
      case ENTER:
        enter();
        break;
      default:
        turn(key);
        break;
    }
  }

  /** Shows other keys. */
  private void turn(Key key) {
    if (key.kind == Board.Kind.PAGE) {
      show(key.page);
    } else if (key.kind == Board.Kind.SIDE) {
      settings.side(0);
      show(view.page());
    } else {
      settings.layout(layouts.get((layouts.indexOf(layout()) + 1) % layouts.size()).name);
      show(Board.Page.LETTERS);
    }
  }

  private void enter() {
    InputConnection editor = getCurrentInputConnection();
    int action = info.actionLabel == null ? actionOf(info) : info.actionId;
    if (editor != null && action != EditorInfo.IME_ACTION_NONE && action != EditorInfo.IME_ACTION_UNSPECIFIED) {
      typing.end();
      editor.performEditorAction(action);
    } else if (typing.field().kind == Field.Kind.KEYS) {
      sendDownUpKeyEvents(KeyEvent.KEYCODE_ENTER);
    } else {
      typing.sign("\n");
    }
  }

  @Override
  public void onRepeat(int times) {
    if (times <= REPEATS) typing.backspace();
    else if (times % 4 == 0) typing.delete(Typing.length(before(AROUND), 1)); // a quarter as fast
    refresh();
  }

  @Override
  public void onCursor(int characters) {
    InputConnection editor = getCurrentInputConnection();
    if (editor == null) return;
    boolean back = characters < 0;
    CharSequence over = back ? editor.getTextBeforeCursor(AROUND, 0) : editor.getTextAfterCursor(AROUND, 0);
    if (over == null || over.length() == 0) return;
    BreakIterator parts = BreakIterator.getCharacterInstance();
    parts.setText(over.toString());
    int from = back ? parts.last() : parts.first(), to = from;
    for (int i = Math.abs(characters); i > 0; i--) {
      int next = back ? parts.previous() : parts.next();
      if (next == BreakIterator.DONE) break;
      to = next;
    }
    cursor += to - from;
    editor.setSelection(cursor, cursor);
  }

  @Override
  public void onDelete(int words, boolean done) {
    InputConnection editor = getCurrentInputConnection();
    if (editor == null) return;
    if (before == null) before = before(AROUND);
    int end = cursor, length = Typing.length(before, words);
    if (done) {
      before = null;
      editor.setSelection(end, end);
      typing.delete(length);
      refresh();
    } else {
      editor.setSelection(end - length, end); // shows what would go
    }
  }

  @Override
  public String before(int most) {
    InputConnection editor = getCurrentInputConnection();
    CharSequence text = editor == null ? null : editor.getTextBeforeCursor(most, 0);
    return text == null ? "" : text.toString();
  }

  @Override
  public String selected() {
    InputConnection editor = getCurrentInputConnection();
    CharSequence text = editor == null ? null : editor.getSelectedText(0);
    return text == null ? "" : text.toString();
  }

  @Override
  public void replace(int characters, String text) {
    InputConnection editor = getCurrentInputConnection();
    if (editor == null) return;
    editor.beginBatchEdit();
    if (characters > 0) editor.deleteSurroundingText(characters, 0);
    if (characters == 0 || !text.isEmpty()) editor.commitText(text, 1);
    editor.endBatchEdit();
  }

  @Override
  public void backspace() {
    sendDownUpKeyEvents(KeyEvent.KEYCODE_DEL);
  }
}
