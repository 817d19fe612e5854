package org.edgectc.keyboard;

import android.content.Context;
import android.content.SharedPreferences;
import android.os.Handler;
import android.os.HandlerThread;
import android.os.Looper;
import java.util.Collections;
import java.util.List;
import org.edgectc.core.Candidate;
import org.edgectc.core.Engine;
import org.edgectc.core.Layout;
import org.edgectc.core.Recognizer;
import org.edgectc.core.Trace;
import org.edgectc.core.TraceException;

/** The recognizer on its own thread; answers come back on the main one. */
final class Words {
  /** Characters before the cursor that are looked at; fewer are all that there are. */
  static final int BEFORE = 64;

  /** Who waits for words. All calls come on the main thread. */
  interface Listener {
    /** The model was loaded or could not be; empty if all is well. */
    void onState(String message);

    /** Words of a swipe, the best first; while it goes on, what it may become. */
    void onCandidates(List<Candidate> found, boolean partial);
  }

  private final Context context;
  private final Listener listener;
  private final SharedPreferences settings;
  private final Handler main = new Handler(Looper.getMainLooper());
  private final HandlerThread thread = new HandlerThread("words");
  private final Handler worker;
  private final List<Layout> layouts;
  private Recognizer recognizer; // the worker's
  private String runtime = "";
  private String state;
  private boolean guessing;
  private int swipes; // begun so far: a guess about an older one is dropped

  Words(Context context, Listener listener) {
    this.context = context;
    this.listener = listener;
    settings = SettingsActivity.of(context);
    state = context.getString(R.string.loading);
    layouts = Assets.keyboards(context);
    thread.start();
    worker = new Handler(thread.getLooper());
  }

  /** Loads the model, if it is not there or another runtime was chosen. */
  void load() {
    final String wanted = settings.getString(SettingsActivity.RUNTIME, "");
    if (wanted.equals(runtime) && state.isEmpty()) {
      return;
    }
    runtime = wanted;
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            String message = "";
            try {
              if (recognizer != null) {
                recognizer.close();
                recognizer = null;
              }
              recognizer = Assets.recognizer(context, wanted);
            } catch (Exception | LinkageError error) { // a missing library is an Error
              message = context.getString(R.string.no_model, error.getMessage());
            }
            tell(message);
          }
        });
  }

  private void tell(final String message) {
    main.post(
        new Runnable() {
          @Override
          public void run() {
            state = message;
            listener.onState(message);
          }
        });
  }

  /** What is wrong, or empty. */
  String state() {
    return state;
  }

  /** The keyboard in use. */
  Layout layout() {
    String chosen = settings.getString(SettingsActivity.LAYOUT, "");
    for (Layout layout : layouts) {
      if (layout.name.equals(chosen)) {
        return layout;
      }
    }
    return layouts.get(0);
  }

  /** The keyboard after the one in use. */
  Layout nextLayout() {
    return layouts.get((layouts.indexOf(layout()) + 1) % layouts.size());
  }

  /** Ranks the words of a finished swipe. */
  void decode(Trace trace, String before) {
    swipes++;
    worker.post(task(trace, before, false));
  }

  /** Ranks what a swipe may become; left out while an earlier guess is still being made. */
  void guess(Trace soFar, String before) {
    if (!guessing && soFar.size() > 2) {
      guessing = true;
      worker.post(task(soFar.copy(), before, true));
    }
  }

  private Runnable task(final Trace trace, final String before, final boolean partial) {
    final Layout layout = layout();
    final int swipe = swipes;
    return new Runnable() {
      @Override
      public void run() {
        answer(words(trace, layout, before, partial), partial, swipe);
      }
    };
  }

  private List<Candidate> words(
      Trace trace, Layout layout, String before, boolean partial) {
    try {
      if (recognizer != null) {
        boolean whole = before.length() < BEFORE;
        List<String> said = Engine.context(before, whole);
        return recognizer.decode(trace, layout, said, SuggestionStrip.MOST, partial);
      }
    } catch (TraceException error) {
      // A trace that is no swipe has no words.
    } catch (RuntimeException error) {
      tell(context.getString(R.string.no_model, error.getMessage()));
    }
    return Collections.emptyList();
  }

  private void answer(
      final List<Candidate> found, final boolean partial, final int swipe) {
    main.post(
        new Runnable() {
          @Override
          public void run() {
            if (partial) {
              guessing = false;
            }
            if (!partial || swipe == swipes) {
              listener.onCandidates(found, partial);
            }
          }
        });
  }

  /** Ends the thread. */
  void close() {
    worker.post(
        new Runnable() {
          @Override
          public void run() {
            if (recognizer != null) {
              recognizer.close();
            }
          }
        });
    thread.quitSafely();
  }
}
