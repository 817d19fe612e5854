package org.edgectc.keyboard;

import android.content.Context;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.edgectc.EdgectcException;
import org.edgectc.Keyboard;
import org.edgectc.Suggestion;
import org.edgectc.Typing;

/**
 * The library's keyboard, opened on a thread of its own, which also finds what the strip shows. Words that are written are found
 * where they are asked for: an answer cannot come late.
 */
final class Engine {
  /** Who waits. All calls come on the main thread. */
  interface Listener {
    /** The model is there, or cannot be had. */
    void onReady(Keyboard keyboard, String problem);

    void onAnswer(Typing.Request request, List<Suggestion> found, boolean moving);
  }

  /** A question for the strip. */
  private static final class Question {
    final Typing.Request request;
    final boolean moving;

    Question(Typing.Request request, boolean moving) {
      this.request = request;
      this.moving = moving;
    }
  }

  private final Context context;
  private final Listener listener;
  private final Handler main = new Handler(Looper.getMainLooper());
  private final HandlerThread thread = new HandlerThread("words");
  private final Handler worker;
  private final AtomicReference<Question> last = new AtomicReference<>(); // older ones are not answered
  private Keyboard keyboard; // the worker's until it is handed over
  private byte[] none; // the words of a user who has none

  Engine(Context context, Listener listener) {
    this.context = context;
    this.listener = listener;
    thread.start();
    worker = new Handler(thread.getLooper());
  }

  void load() {
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            String problem = "";
            try {
              keyboard = Model.open(context);
              none = keyboard.words();
              byte[] words = Model.words(context);
              if (words != null) keyboard.takeWords(words);
            } catch (EdgectcException | IOException | LinkageError error) { // a missing library is an Error
              problem = String.valueOf(error.getMessage());
            }
            ready(problem);
          }
        });
  }

  private void ready(final String problem) {
    main.post(
        new Runnable() {
          @Override
          public void run() {
            listener.onReady(keyboard, problem);
          }
        });
  }

  /** Finds what the strip shows; of several questions, the last one is answered. */
  void ask(Typing.Request request, boolean moving) {
    if (last.getAndSet(new Question(request, moving)) != null) return; // one that waits takes the last
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            Question question = last.getAndSet(null);
            if (question != null) answer(question, found(question));
          }
        });
  }

  private static List<Suggestion> found(Question question) {
    try {
      return question.request.answer();
    } catch (EdgectcException refused) {
      return Collections.emptyList(); // a finger that did not go far yet
    }
  }

  private void answer(final Question question, final List<Suggestion> found) {
    main.post(
        new Runnable() {
          @Override
          public void run() {
            listener.onAnswer(question.request, found, question.moving);
          }
        });
  }

  /** Keeps what was learnt. */
  void save() {
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            try {
              if (keyboard != null) Model.keep(context, keyboard.words());
            } catch (EdgectcException | IOException error) {
              android.util.Log.w("edgectc", "words were not kept", error);
            }
          }
        });
  }

  /** Adds lines to a file of the app. */
  void note(final String name, final String head, final String lines) {
    if (lines.isEmpty()) return;
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            try {
              Notes.add(context, name, head, lines);
            } catch (IOException error) {
              android.util.Log.w("edgectc", "nothing was noted", error);
            }
          }
        });
  }

  /** Forgets what was learnt. */
  void clear() {
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            try {
              if (keyboard != null) keyboard.takeWords(none);
              Model.keep(context, null);
            } catch (EdgectcException | IOException error) {
              android.util.Log.w("edgectc", "words were not forgotten", error);
            }
          }
        });
  }

  /** Ends the thread after what it still has to do; nothing else may use the keyboard any more. */
  void close() {
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            if (keyboard != null) keyboard.close();
          }
        });
    thread.quitSafely();
  }
}
