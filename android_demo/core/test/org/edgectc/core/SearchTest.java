package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.BeforeClass;
import org.junit.Test;

/** The word engine through JNI, on vectors with a small lexicon of their own. */
public class SearchTest {
  private static Map<?, ?> golden;
  private static ByteBuffer lexicon;
  private static ByteBuffer languageModel;

  @BeforeClass
  public static void load() throws Exception {
    System.load(System.getProperty("edgectc.libraries") + "/libedgectc.so");
    golden = Files.golden("search.json");
    lexicon = Artifact.direct(Base64.decode(Json.text(golden, "lexicon")));
    languageModel = Artifact.direct(Base64.decode(Json.text(golden, "language_model")));
  }

  private static Engine engine(Map<String, Object> options) {
    Map<String, Object> preset = new LinkedHashMap<>(options);
    preset.put("type", "lexicon");
    return new Engine(lexicon, languageModel, preset);
  }

  @Test
  public void ranksTheSameWords() {
    List<Object> cases = Json.array(golden, "cases");
    for (Object one : cases) {
      Map<?, ?> about = (Map<?, ?>) one;
      Engine engine = engine(Json.object(about, "options"));
      List<Object> columns = Json.array(about, "columns");
      engine.columns(new Layout(Json.object(golden, "layout")), symbols(columns));
      teach(engine, Json.object(about, "user"));
      float[] trace = null;
      if (about.get("trace") != null) {
        trace = floats(GoldenTest.array(about, "trace").asFloatBuffer());
      }
      float[] logProbs = floats(GoldenTest.array(about, "log_probs").asFloatBuffer());
      List<Candidate> found =
          engine.decode(
              logProbs,
              logProbs.length / columns.size(),
              said(GoldenTest.texts(Json.array(about, "context"))),
              trace,
              Json.integer(about, "nbest"),
              (Boolean) about.get("unfinished"));
      GoldenTest.same(Json.text(about, "name"), Json.array(about, "words"), found, 1e-6);
      engine.close();
    }
    assertTrue(cases.size() >= 40);
  }

  /** Returns words of a context as the language model knows them. */
  private static List<String> said(List<String> context) {
    List<String> words = new ArrayList<>();
    for (String word : context) {
      words.add(word.equals("<s>") ? word : Engine.context(word, false).get(0));
    }
    return words;
  }

  private static void teach(Engine engine, Map<String, Object> user) {
    for (Map.Entry<String, Object> word : user.entrySet()) {
      Map<?, ?> held = (Map<?, ?>) word.getValue();
      engine.word(
          word.getKey(),
          Json.text(held, "spelled"),
          Json.number(held, "count"),
          Json.number(held, "boost"),
          (Boolean) held.get("hidden"));
    }
  }

  private static int[] symbols(List<Object> columns) {
    int[] made = new int[columns.size()];
    for (int i = 0; i < made.length; i++) {
      String symbol = (String) columns.get(i);
      made[i] = symbol.equals("<blank>") ? -1 : symbol.isEmpty() ? 0 : symbol.charAt(0);
    }
    return made;
  }

  private static float[] floats(FloatBuffer values) {
    float[] made = new float[values.capacity()];
    values.get(made);
    return made;
  }

  @Test
  public void textBecomesAContextAsStated() throws Exception {
    for (Object one : Json.array(Files.golden("context.json"), "texts")) {
      Map<?, ?> about = (Map<?, ?>) one;
      boolean whole = (Boolean) about.get("whole");
      List<String> words = GoldenTest.texts(Json.array(about, "words"));
      String text = Json.text(about, "text");
      assertEquals(words, Engine.context(text, whole));
      assertEquals(words, Engine.context(Normalizer.normalize(text, Normalizer.Form.NFD), whole));
    }
  }

  @Test
  public void refusesWhatItDoesNotKnow() {
    Map<String, Object> newer = Collections.<String, Object>singletonMap("better_than_today", 1.0);
    assertTrue(refusal(newer, lexicon).contains("better_than_today"));
    Map<String, Object> wrong = Collections.<String, Object>singletonMap("lm_weight", -1.0);
    assertTrue(refusal(wrong, lexicon).contains("lm_weight"));
    byte[] cut = new byte[lexicon.capacity() / 2];
    lexicon.duplicate().get(cut);
    Map<String, Object> none = Collections.<String, Object>emptyMap();
    assertTrue(refusal(none, Artifact.direct(cut)).length() > 10);
    assertTrue(refusal(none, ByteBuffer.allocateDirect(0)).length() > 10);
  }

  private static String refusal(Map<String, Object> options, ByteBuffer words) {
    Map<String, Object> preset = new LinkedHashMap<>(options);
    preset.put("type", "lexicon");
    try {
      new Engine(words, null, preset).close();
    } catch (ModelException error) {
      return error.getMessage();
    }
    fail("accepted " + options);
    return "";
  }

  @Test
  public void aTraceIsOfItsOwnCallAlone() {
    Map<?, ?> about = null;
    for (Object one : Json.array(golden, "cases")) {
      about = ((Map<?, ?>) one).get("trace") != null ? (Map<?, ?>) one : about;
    }
    Map<String, Object> preset = new LinkedHashMap<>();
    preset.put("type", "lexicon");
    preset.put("template_weight", 5.0);
    Engine engine = new Engine(lexicon, null, preset); // it refuses a context
    List<Object> columns = Json.array(about, "columns");
    engine.columns(new Layout(Json.object(golden, "layout")), symbols(columns));
    float[] logProbs = floats(GoldenTest.array(about, "log_probs").asFloatBuffer());
    float[] trace = floats(GoldenTest.array(about, "trace").asFloatBuffer());
    int frames = logProbs.length / columns.size();
    List<String> none = Collections.<String>emptyList();
    double alone = engine.decode(logProbs, frames, none, null, 1, false).get(0).score;
    assertTrue(engine.decode(logProbs, frames, none, trace, 1, false).get(0).score < alone);
    try {
      engine.decode(logProbs, frames, Collections.singletonList("the"), trace, 1, false);
      fail("accepted a context");
    } catch (ModelException error) {
      assertTrue(error.getMessage().contains("language model"));
    }
    assertEquals(alone, engine.decode(logProbs, frames, none, null, 1, false).get(0).score, 0.0);
    engine.close();
  }

  @Test
  public void aClosedEngineSaysSo() {
    Engine engine = engine(Collections.<String, Object>emptyMap());
    engine.close();
    engine.close();
    try {
      engine.decode(new float[0], 0, Collections.<String>emptyList(), null, 1, false);
      fail();
    } catch (IllegalStateException error) {
      assertEquals("the engine was closed", error.getMessage());
    }
  }
}
