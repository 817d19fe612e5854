package org.edgectc.keyboard;

import android.content.Context;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.edgectc.core.Artifact;
import org.edgectc.core.ExecuTorchNetwork;
import org.edgectc.core.Json;
import org.edgectc.core.Layout;
import org.edgectc.core.ModelException;
import org.edgectc.core.Network;
import org.edgectc.core.OnnxNetwork;
import org.edgectc.core.Recognizer;

/** What the package carries: model, lexicon, language model, keyboards. */
final class Assets {
  static final String ONNX = "ONNX Runtime";
  static final String EXECUTORCH = "ExecuTorch";
  private static final String MODEL = "model/model";
  private static final String KEYBOARDS = "keyboards";
  private static final int THREADS = 1; // the network takes well under a millisecond on one

  private Assets() {}

  /** Returns the runtimes that a model was packed for, the default first. */
  static List<String> runtimes(Context context) {
    List<String> made = new ArrayList<>();
    try {
      List<String> files = Arrays.asList(context.getAssets().list("model"));
      if (files.contains("model.onnx")) {
        made.add(ONNX);
      }
      if (files.contains("model.pte")) {
        made.add(EXECUTORCH);
      }
    } catch (IOException error) {
      // No model: the page of settings shows no runtime, and the keyboard says why it types only.
    }
    return made;
  }

  /** Returns the names of the layouts, the default first. */
  static List<String> layouts(Context context) {
    List<String> names = new ArrayList<>();
    for (Layout layout : keyboards(context)) {
      names.add(layout.name);
    }
    return names;
  }

  /** Returns the layouts, the default first. They do not come from the model: tapping needs none. */
  static List<Layout> keyboards(Context context) {
    List<Layout> made = new ArrayList<>();
    try {
      for (String file : context.getAssets().list(KEYBOARDS)) {
        byte[] json = read(context, KEYBOARDS + "/" + file);
        Object value = Json.parse(new String(json, Charset.forName("UTF-8")));
        Layout layout = new Layout((Map<?, ?>) value);
        made.add(layout.name.equals("qwerty") ? 0 : made.size(), layout);
      }
    } catch (IOException error) {
      throw new IllegalStateException("the package has no keyboards: build it again", error);
    }
    return made;
  }

  /** Returns the artifact for a runtime, its seal checked. */
  static Artifact artifact(Context context, String runtime) throws IOException {
    return Artifact.of(read(context, MODEL + (runtime.equals(EXECUTORCH) ? ".pte" : ".onnx")));
  }

  /** Returns a recognizer for a runtime; the first there is if the name is empty. */
  static Recognizer recognizer(Context context, String runtime) throws IOException {
    return recognizer(context, artifact(context, runtime), runtime);
  }

  /** Returns the recognizer of an artifact. */
  static Recognizer recognizer(Context context, Artifact artifact, String runtime)
      throws IOException {
    boolean executorch = runtime.equals(EXECUTORCH);
    System.loadLibrary("edgectc");
    System.loadLibrary(executorch ? "edgectc_et" : "edgectc_ort");
    Network network =
        executorch ? new ExecuTorchNetwork(artifact) : new OnnxNetwork(artifact, THREADS);
    try {
      return new Recognizer(
          artifact,
          network,
          Artifact.direct(read(context, MODEL + ".trie")),
          Artifact.direct(read(context, MODEL + ".lm")));
    } catch (RuntimeException error) {
      network.close();
      throw error;
    }
  }

  private static byte[] read(Context context, String name) throws IOException {
    try (InputStream in = context.getAssets().open(name)) {
      ByteArrayOutputStream out = new ByteArrayOutputStream(Math.max(1 << 16, in.available()));
      byte[] block = new byte[1 << 16];
      for (int n = in.read(block); n >= 0; n = in.read(block)) {
        out.write(block, 0, n);
      }
      return out.toByteArray();
    } catch (FileNotFoundException error) {
      throw new ModelException("the package has no " + name + "; build it again with a model");
    }
  }
}
