package org.edgectc;

import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * From what fingers do to what stands in a field: spaces, capitals, corrections and how they are taken back, by the same rules
 * for swipes and taps. Of the text it holds the word at the cursor, until the field ends, and those that the user put in place of
 * corrections, where they may be learnt. For one thread; what may be asked from another one is a {@link Request}.
 */
public final class Typing {
  /** The field that is written to. */
  public interface Editor {
    /** Returns text before the cursor, all of it if it is shorter than asked for. */
    String before(int most);

    /** Returns what is selected, "" for nothing. */
    String selected();

    /** Takes away so many characters before the cursor, or what is selected, and writes a text there. */
    void replace(int characters, String text);

    /** Does what a delete key does in a field that shows no text. */
    void backspace();
  }

  /** Which letters are capitals: none, the next one, all. */
  public enum Shift { OFF, ONCE, LOCK }

  private static final int BEFORE = 256; // characters of context; one sentence counts
  private static final int MOST_TAPS = 64, SUGGESTIONS = 5;
  private static final String ENDS = ".,!?;:)]}…”'%/-", GOES_ON = ".,!?;:)]}…”\""; // no space before them; but after them
  private static final String INSIDE = "'’-@_/\\#&~=+*^|"; // parts of a word that is going on, or of an address

  private final Editor editor;
  private Keyboard keyboard; // null: letters are typed, no more
  private Field field = Field.of(0, 0);
  private boolean learning = true, correcting = true;
  private Shift shift = Shift.OFF;
  private boolean asked; // for this shift, by the user

  private final StringBuilder word = new StringBuilder(); // that is being typed, as it stands before the cursor
  private double[] taps = new double[3 * MOST_TAPS];
  private int tapped;
  private boolean exact; // the word has what no tap on a letter gives: it is left alone
  private String written = ""; // by the last swipe or pick, its space included
  private boolean others; // are offered in place of the last swipe's word
  private boolean space; // belongs before the next word
  private boolean spaced; // the space before the cursor was typed last
  private String corrected = "", typed = ""; // what the last separator wrote, and what stood there before
  private String tail = ""; // what stands before a space that is still to come
  private String learnt = ""; // word to count once the next one begins
  private final Set<String> kept = new HashSet<>(); // words that a correction of was taken back: they are right
  private int state; // counts changes: an answer to an older one is dropped

  public Typing(Editor editor) {
    this.editor = editor;
  }

  /** Says which keyboard ranks words; null for none. */
  public void use(Keyboard keyboard) {
    this.keyboard = keyboard;
    state++;
    remember();
  }

  /** Says what the user allows. */
  public void allow(boolean learning, boolean correcting) {
    this.learning = learning;
    this.correcting = correcting;
    remember();
  }

  /** Tells the keyboard whether it may learn here, and how old what it learnt is. */
  private void remember() {
    if (keyboard == null) return;
    keyboard.incognito(!learning || !field.learns);
    keyboard.today(System.currentTimeMillis() / 86_400_000.0);
  }

  /** Begins a field. Nothing of the last one is kept. */
  public void begin(Field begun) {
    count(false);
    field = begun;
    remember();
    shift = Shift.OFF;
    asked = false;
    reset();
    capitals();
  }

  public Field field() {
    return field;
  }

  public Shift shift() {
    return shift;
  }

  /** Whether swipes write words here. */
  public boolean swipes() {
    return field.words && keyboard != null;
  }

  /** Says that shift was tapped; twice, if quickly after another. */
  public void shift(boolean twice) {
    shift = twice ? Shift.LOCK : shift == Shift.OFF ? Shift.ONCE : Shift.OFF;
    asked = true;
  }

  /** Types a letter of a key that was touched there. */
  public void letter(String letter, double x, double y) {
    letter(letter, x, y, false);
  }

  /** Types a letter that was chosen above a key, as an accent is: no word is put in its place. */
  public void chosen(String letter, double x, double y) {
    letter(letter, x, y, true);
  }

  private void letter(String letter, double x, double y, boolean chosen) {
    String text = shift == Shift.OFF ? letter : Casing.upper(letter);
    String whole = space ? Casing.joined(editor.before(1), text) : text;
    if (field.words) {
      if (word.length() == 0) {
        glued();
        count(false);
        exact = !space && Casing.continues(editor.before(1));
      }
      exact |= chosen || tapped == MOST_TAPS;
      word.append(text);
      if (tapped < MOST_TAPS) {
        taps[3 * tapped] = x;
        taps[3 * tapped++ + 1] = y;
      }
    }
    settle();
    editor.replace(0, whole);
    changed();
  }

  /** Takes a correction back that was made before a full stop which turns out to stand within a word, as in an address. */
  private void glued() {
    boolean within = !corrected.isEmpty() && ".:".indexOf(corrected.charAt(corrected.length() - 1)) >= 0;
    if (!within || !stands(corrected)) return;
    editor.replace(corrected.length(), typed);
    learnt = "";
  }

  /** Types a sign: space, punctuation, a digit, a line's end; a word before it is corrected. */
  public void sign(String sign) {
    boolean digit = Character.isLetterOrDigit(sign.codePointAt(0));
    boolean inside = word.length() > 0 && (digit || INSIDE.contains(sign));
    if (digit) glued();
    if (inside || !field.words) {
      if (inside) word.append(sign);
      exact = true;
      settle();
      editor.replace(0, sign);
      changed();
      return;
    }
    String stood = word.toString(), now = correct();
    boolean apart = space, again = spaced;
    finish(now);
    if (sign.equals(" ")) {
      blank(stood, now, again);
    } else {
      boolean closes = sign.equals("\"") ? quotes(editor.before(BEFORE)) : ENDS.contains(sign) || sign.equals("\n");
      editor.replace(0, apart && !closes ? Casing.joined(editor.before(1), sign) : sign);
      space = apart && closes && GOES_ON.contains(sign);
      tail = sign;
      if (!now.equals(stood)) undoable(now + sign, stood + sign);
    }
    changed();
  }

  /** Returns whether a quotation is open. */
  private static boolean quotes(String before) {
    boolean open = false;
    for (int i = 0; i < before.length(); i++) open ^= before.charAt(i) == '"';
    return open;
  }

  /** Writes the space after a word; after a space that was typed as well, a full stop in its place. */
  private void blank(String stood, String now, boolean again) {
    String before = editor.before(2);
    boolean twice = again && before.length() == 2 && before.charAt(1) == ' ' && Character.isLetterOrDigit(before.charAt(0));
    editor.replace(twice ? 1 : 0, twice ? ". " : " ");
    if (twice) undoable(". ", "  ");
    if (!now.equals(stood)) undoable(now + " ", stood + " ");
    spaced = !twice;
  }

  private void undoable(String now, String before) {
    corrected = now;
    typed = before;
  }

  /** Puts the word that was meant in place of the one that was typed; returns the word that stands there. */
  private String correct() {
    String stood = word.toString();
    if (stood.isEmpty() || !corrects() || !stands(stood)) return stood;
    try {
      String best = new Request(this).correction();
      if (best.equals(stood)) return stood;
      editor.replace(stood.length(), best);
      return best;
    } catch (EdgectcException refused) {
      return stood; // taps that are no word are left alone
    }
  }

  private boolean corrects() {
    return !exact && correcting && keyboard != null && !kept.contains(word.toString());
  }

  private boolean stands(String text) {
    return editor.before(text.length()).endsWith(text);
  }

  /** Ends the word at the cursor. */
  private void finish(String now) {
    boolean known = !now.isEmpty() && keyboard != null && keyboard.knows(now);
    settle();
    word.setLength(0);
    tapped = 0;
    exact = false;
    if (known) learnt = now;
  }

  /** Writes the word of a swipe and returns the others that it may be, itself first; none if it is no swipe or no word. */
  public List<Suggestion> swipe(double[] points) {
    if (!swipes()) return Collections.emptyList();
    finish(correct());
    count(false);
    List<Suggestion> found;
    try {
      found = new Request(this, points, false).answer(keyboard);
    } catch (EdgectcException refused) {
      return Collections.emptyList();
    }
    if (!found.isEmpty()) {
      write(0, found.get(0).text, true);
      learnt = found.get(0).text;
      others = true;
    }
    return found;
  }

  /** Writes a word in place of so many characters; `apart`: with a space before it where one is missing. */
  private void write(int characters, String text, boolean apart) {
    settle();
    String before = editor.before(characters + 1);
    before = before.substring(0, Math.max(0, before.length() - characters));
    String whole = apart && editor.selected().isEmpty() ? Casing.joined(before, text) : text;
    editor.replace(characters, whole);
    written = tail = whole;
    space = true;
    changed();
  }

  /** Writes what the strip offered in place of the word at the cursor, or after it. */
  public void pick(Suggestion picked) {
    boolean tapping = word.length() > 0;
    String stood = tapping ? word.toString() : others ? written : "";
    boolean replaces = !stood.isEmpty() && stands(stood);
    if (!replaces) count(false);
    word.setLength(0);
    tapped = 0;
    exact = false;
    write(replaces ? stood.length() : 0, picked.text, !replaces || !tapping);
    learnt = picked.text;
    if (picked.typed) count(true);
  }

  /** Takes back: what is selected, the last correction, the last swipe, or one character. */
  public void backspace() {
    String before = editor.before(BEFORE);
    if (!editor.selected().isEmpty()) {
      editor.replace(0, "");
      reset();
    } else if (!corrected.isEmpty() && before.endsWith(corrected)) {
      editor.replace(corrected.length(), typed);
      learnt = typed.substring(0, Math.max(0, typed.length() - 1)).trim();
      if (field.learns && !learnt.isEmpty()) kept.add(learnt);
      reset();
      count(true);
    } else if (!written.isEmpty() && before.endsWith(written)) {
      editor.replace(written.length(), "");
      learnt = "";
      reset();
    } else if (before.isEmpty()) {
      editor.backspace();
      reset();
    } else {
      deleteOne(before);
    }
    changed();
  }

  private void deleteOne(String before) {
    int n = before.length() - start(before, BreakIterator.getCharacterInstance());
    editor.replace(n, "");
    boolean going = n == 1 && word.length() > 1 && before.endsWith(word.toString());
    if (going) {
      boolean letter = Casing.isLetter(word.codePointBefore(word.length()));
      word.setLength(word.length() - 1);
      tapped = Math.max(0, letter ? tapped - 1 : tapped);
    } else {
      reset();
    }
  }

  /** Returns how many characters the last words of a text have, with the spaces after them. */
  public static int length(String before, int words) {
    int end = before.length();
    for (int i = 0; i < words && end > 0; i++) {
      while (end > 0 && Character.isWhitespace(before.charAt(end - 1))) end--;
      boolean letters = end > 0 && Character.isLetterOrDigit(before.charAt(end - 1));
      while (end > 0 && !Character.isWhitespace(before.charAt(end - 1)) && Character.isLetterOrDigit(before.charAt(end - 1)) == letters) end--;
    }
    return before.length() - end;
  }

  /** Takes away that many characters. */
  public void delete(int characters) {
    editor.replace(characters, "");
    learnt = "";
    reset();
    changed();
  }

  private static int start(String text, BreakIterator characters) {
    characters.setText(text);
    int end = characters.last(), previous = characters.previous();
    return previous == BreakIterator.DONE ? end : previous;
  }

  /** Says that the cursor may have moved, or that the text was changed by others; returns whether they did. */
  public boolean moved() {
    String last = corrected.isEmpty() && spaced ? " " : corrected;
    String stood = word.length() > 0 ? word.toString() : space ? tail : last;
    boolean stands = !stood.isEmpty() && stands(stood);
    if (!stands) reset();
    capitals();
    return !stands;
  }

  /** Ends the word at the cursor, as the line's end or the field's does; it may be learnt. */
  public void end() {
    finish(word.toString());
    count(false);
    reset();
  }

  private void reset() {
    settle();
    word.setLength(0);
    tapped = 0;
    exact = false;
    state++;
  }

  /** Forgets what could be taken back. */
  private void settle() {
    written = "";
    others = space = spaced = false;
    corrected = typed = "";
  }

  /** Ends each change of the text. */
  private void changed() {
    asked = false;
    state++;
    capitals();
  }

  private void capitals() {
    if (shift == Shift.LOCK || asked) return;
    String before = editor.before(BEFORE);
    shift = field.capital(space ? before + " " : before) ? Shift.ONCE : Shift.OFF;
  }

  /** Learns the word that the user was content with; {@code said}: that he says is right. */
  private void count(boolean said) {
    if (!learnt.isEmpty() && learning && field.learns && keyboard != null) {
      try {
        if (said) keyboard.teach(learnt, 1);
        else keyboard.learn(learnt, 1);
      } catch (EdgectcException refused) {
        // No word of these letters.
      }
    }
    learnt = "";
  }

  /** What the strip can offer now; ask it for its answer in any thread, then whether it still holds. */
  public Request request() {
    return new Request(this);
  }

  /** The same while a finger moves. */
  public Request moving(double[] points) {
    return new Request(this, points, true);
  }

  public boolean holds(Request request) {
    return request.state == state;
  }

  /** A question to the keyboard: words for what stands before the cursor, and was tapped or swiped. */
  public static final class Request {
    private final int state;
    private final Keyboard keyboard;
    private final String before, word;
    private final boolean whole, fixed, swipe, moving, silent;
    private final double[] points;
    private final Shift shift;

    private Request(Typing typing) {
      this(typing, Arrays.copyOf(typing.taps, 3 * typing.tapped), typing.word.toString(), false, false);
    }

    private Request(Typing typing, double[] points, boolean moving) {
      this(typing, points, "", true, moving);
    }

    private Request(Typing typing, double[] points, String word, boolean swipe, boolean moving) {
      String text = typing.field.words ? typing.editor.before(BEFORE) : "";
      state = typing.state;
      keyboard = typing.keyboard;
      silent = !typing.field.words;
      whole = text.length() < BEFORE;
      before = text.endsWith(word) ? text.substring(0, text.length() - word.length()) : text;
      fixed = !typing.corrects();
      shift = typing.shift;
      this.points = points;
      this.word = word;
      this.swipe = swipe;
      this.moving = moving;
    }

    /** Makes ready what the next word needs; then answers, best first. */
    public List<Suggestion> answer() {
      return answer(keyboard);
    }

    private List<Suggestion> answer(Keyboard keyboard) {
      if (keyboard == null || silent || (!word.isEmpty() && points.length == 0)) return Collections.emptyList();
      synchronized (keyboard) {
        keyboard.before(before, whole);
        if (swipe) return cased(moving ? keyboard.moving(points, SUGGESTIONS) : keyboard.swipe(points, SUGGESTIONS));
        if (word.isEmpty()) return cased(keyboard.tapping(points, SUGGESTIONS));
        List<Suggestion> made = new ArrayList<>();
        String best = fixed ? word : correction();
        add(made, best, best.equals(word), Double.NaN);
        add(made, word, true, Double.NaN);
        for (Word other : keyboard.tap(points, 2)) add(made, Casing.like(other.text, word), false, other.probability);
        for (Word other : keyboard.tapping(points, SUGGESTIONS)) add(made, Casing.like(other.text, word), false, other.probability);
        return made;
      }
    }

    private static void add(List<Suggestion> made, String text, boolean typed, double probability) {
      for (Suggestion other : made) {
        if (other.text.equals(text)) return;
      }
      if (made.size() < SUGGESTIONS) made.add(new Suggestion(text, typed, probability));
    }

    private List<Suggestion> cased(List<Word> words) {
      List<Suggestion> made = new ArrayList<>();
      for (Word one : words) {
        String text = one.text;
        add(made, shift == Shift.LOCK ? Casing.upper(text) : shift == Shift.ONCE ? Casing.capitalized(text) : text, false, one.probability);
      }
      return made;
    }

    /** Returns what a separator would leave: the word as typed, or the one that was meant. */
    private String correction() {
      synchronized (keyboard) {
        keyboard.before(before, whole);
        List<Word> ranked = keyboard.tap(points, 1);
        if (ranked.isEmpty()) return word;
        String best = ranked.get(0).text;
        boolean same = best.equalsIgnoreCase(word);
        return same && !word.equals(word.toLowerCase(java.util.Locale.ROOT)) ? word : Casing.like(best, word);
      }
    }
  }
}
