package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.io.File;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.BeforeClass;
import org.junit.Test;

/** The shipped model by way of the native libraries: numbers, words, damage, freedom from leaks. */
public class RecognizerTest {
  private static final File BUNDLE = new File(System.getProperty("edgectc.bundle"));
  private static final List<String> NOTHING = Collections.<String>emptyList();
  private static List<Recognizer> all = new ArrayList<>();
  private static List<Artifact> artifacts = new ArrayList<>();
  private static ByteBuffer lexicon;
  private static ByteBuffer languageModel;

  @BeforeClass
  public static void load() throws Exception {
    String libraries = System.getProperty("edgectc.libraries");
    System.load(libraries + "/libedgectc.so");
    System.load(libraries + "/libedgectc_ort.so");
    lexicon = Artifact.direct(Files.read(new File(BUNDLE, "lexicon.trie")));
    languageModel = Artifact.direct(Files.read(new File(BUNDLE, "words.lm")));
    add(Artifact.of(Files.read(new File(BUNDLE, "artifacts/swipe-en.onnx"))), false);
    String pte = System.getProperty("edgectc.pte");
    if (!pte.isEmpty() && new File(libraries + "/libedgectc_et.so").exists()) {
      System.load(libraries + "/libedgectc_et.so");
      add(Artifact.of(Files.read(new File(pte))), true);
    }
  }

  private static void add(Artifact artifact, boolean executorch) {
    Network network = executorch ? new ExecuTorchNetwork(artifact) : new OnnxNetwork(artifact, 1);
    artifacts.add(artifact);
    all.add(new Recognizer(artifact, network, lexicon, languageModel));
  }

  @Test
  public void theSelfTestPasses() {
    for (int i = 0; i < all.size(); i++) {
      SelfTest test = SelfTest.run(artifacts.get(i), all.get(i));
      assertTrue(test.faults.toString(), test.passed());
      assertTrue(test.words > 0);
      System.out.printf(
          "note: %s differs by %.1e, %d of %d words%n",
          all.get(i).runtime(), test.worst, test.rightWords, test.words);
    }
  }

  @Test
  public void answersTheGoldenTraces() throws Exception {
    for (Recognizer recognizer : all) {
      for (Object one : Json.array(Files.golden("traces.json"), "cases")) {
        Map<?, ?> about = (Map<?, ?>) one;
        String name = recognizer.runtime() + " " + Json.text(about, "name");
        Layout layout = Files.layout(Json.text(about, "layout"));
        Trace trace = GoldenTest.trace(Json.array(about, "points"));
        List<String> context = GoldenTest.texts(Json.array(about, "context"));
        numbers(name, about, recognizer, trace, layout);
        List<Object> words = Json.array(about, "words");
        GoldenTest.same(name, words, recognizer.decode(trace, layout, context, 5, false), 1e-3);
        words = Json.array(about, "unfinished");
        GoldenTest.same(name, words, recognizer.decode(trace, layout, context, 3, true), 1e-3);
      }
    }
  }

  private static void numbers(
      String name, Map<?, ?> about, Recognizer recognizer, Trace trace, Layout layout) {
    float[] found = recognizer.logProbs(recognizer.frames(trace, layout), layout);
    ByteBuffer expected = GoldenTest.array(about, "log_probs");
    int keys = layout.letters.length();
    for (int t = 0; t < found.length / recognizer.columns(); t++) {
      for (int k = 0; k <= keys; k++) {
        double value = found[t * recognizer.columns() + (k < keys ? k : recognizer.blank())];
        assertEquals(name, expected.getFloat(4 * (t * (keys + 1) + k)), value, 1e-4);
      }
    }
    assertEquals(name, expected.capacity() / 4 / (keys + 1), found.length / recognizer.columns());
  }

  @Test
  public void answersRealTraces() throws Exception {
    String swipes = System.getProperty("edgectc.swipes");
    if (swipes.isEmpty()) {
      return;
    }
    for (Recognizer recognizer : all) {
      int same = 0;
      double worst = 0;
      List<Object> cases = Json.array(Files.json(new File(swipes)), "cases");
      cases = cases.subList(0, Math.min(cases.size(), Integer.getInteger("edgectc.rows")));
      for (Object one : cases) {
        Map<?, ?> about = (Map<?, ?>) one;
        Layout layout = Files.layout(Json.text(about, "layout"));
        Trace trace = GoldenTest.trace(Json.array(about, "points"));
        List<Candidate> found = recognizer.decode(trace, layout, NOTHING, 5, false);
        List<Object> words = Json.array(about, "words");
        String text = words.isEmpty() ? "" : Json.text((Map<?, ?>) words.get(0), "text");
        if (text.equals(found.isEmpty() ? "" : found.get(0).text)) {
          same++;
          double score = words.isEmpty() ? 0 : Json.number((Map<?, ?>) words.get(0), "score");
          worst = Math.max(worst, words.isEmpty() ? 0 : Math.abs(score - found.get(0).score));
        }
      }
      System.out.printf(
          "note: %s: %d of %d real swipes as in Python, scores within %.1e%n",
          recognizer.runtime(), same, cases.size(), worst);
      assertTrue(same >= 0.998 * cases.size() && worst <= 1e-3);
    }
  }

  @Test
  public void contextChangesWords() throws Exception {
    Recognizer recognizer = all.get(0);
    Layout layout = Files.layout("qwerty");
    Map<?, ?> one = (Map<?, ?>) Json.array(Files.golden("traces.json"), "cases").get(0);
    Trace trace = GoldenTest.trace(Json.array(one, "points"));
    double bare = recognizer.decode(trace, layout, NOTHING, 1, false).get(0).score;
    double after = recognizer.decode(trace, layout, Arrays.asList("oh"), 1, false).get(0).score;
    assertTrue(bare != after);
    assertEquals(bare, recognizer.decode(trace, layout, NOTHING, 1, false).get(0).score, 0.0);
  }

  @Test
  public void refusesWordsOfAnotherModel() throws Exception {
    byte[] other = Files.read(new File(BUNDLE, "lexicon.trie"));
    other[other.length - 1] ^= 1;
    Artifact artifact = artifacts.get(0);
    OnnxNetwork network = new OnnxNetwork(artifact, 1);
    try {
      new Recognizer(artifact, network, Artifact.direct(other), languageModel);
      fail("took a lexicon with another hash");
    } catch (ModelException error) {
      assertTrue(error.getMessage(), error.getMessage().contains("lexicon"));
    } finally {
      network.close();
    }
  }

  @Test
  public void aDamagedGraphIsAnError() throws Exception {
    // Past the seal, as a runtime would see it: an error, never a crash.
    byte[] file = Files.read(new File(BUNDLE, "artifacts/swipe-en.onnx"));
    Artifact whole = Artifact.of(file);
    ByteBuffer cut = Artifact.direct(Arrays.copyOf(file, file.length / 2));
    try {
      new OnnxNetwork(whole.with(cut), 1);
      fail("opened half a graph");
    } catch (IllegalStateException error) {
      assertTrue(error.getMessage().length() > 10);
    }
  }

  @Test
  public void manyNetworksOpenAndClose() {
    for (int i = 0; i < 10; i++) {
      OnnxNetwork network = new OnnxNetwork(artifacts.get(0), 1);
      network.run();
      network.close();
      network.close();
      try {
        network.run();
        fail("ran after closing");
      } catch (IllegalStateException expected) {
        assertTrue(expected.getMessage().contains("closed"));
      }
    }
  }
}
