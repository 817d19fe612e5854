package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.fail;

import java.util.List;
import java.util.Map;
import org.junit.Test;

public class JsonTest {
  @Test
  public void readsEveryKindOfValue() {
    Map<?, ?> read =
        (Map<?, ?>) Json.parse(" {\"a\": [1, -2.5e-3, true, false, null], \"b\\u00e9\": {}} ");
    List<?> items = (List<?>) read.get("a");
    assertEquals(1.0, items.get(0));
    assertEquals(-0.0025, items.get(1));
    assertEquals(Boolean.TRUE, items.get(2));
    assertNull(items.get(4));
    assertEquals(0, ((Map<?, ?>) read.get("bé")).size());
    assertEquals("a\"\\\n\t/", Json.parse("\"a\\\"\\\\\\n\\t\\/\""));
  }

  @Test
  public void refusesWhatIsNotJson() {
    StringBuilder deep = new StringBuilder();
    for (int i = 0; i < 100_000; i++) {
      deep.append('[');
    }
    String[] bad = {
      "", "{", "[1,]", "{\"a\"}", "{\"a\":1,\"a\":2}", "1 2", "nul", "\"a", "\"\\x\"", "1e999", "+",
      "NaN", "\"\n\"", "\"\\u12g4\"", "{a:1}", deep.toString()
    };
    for (String text : bad) {
      try {
        Json.parse(text);
      } catch (ModelException expected) {
        continue;
      }
      fail("read " + text);
    }
  }

  @Test
  public void saysWhatIsMissing() {
    Map<?, ?> read = (Map<?, ?>) Json.parse("{\"n\": 1.5}");
    try {
      Json.integer(read, "n");
      fail();
    } catch (ModelException error) {
      assertEquals("JSON key 'n' is 1.5, expected an integer", error.getMessage());
    }
    try {
      Json.text(read, "m");
      fail();
    } catch (ModelException error) {
      assertEquals("JSON lacks the key 'm'", error.getMessage());
    }
  }
}
