package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import org.junit.Test;

public class TextTest {
  @Test
  public void contextIsTheWordsOfThisSentence() {
    assertEquals(Arrays.asList("<s>"), Text.words("", true));
    assertEquals(Collections.emptyList(), Text.words("", false));
    assertEquals(Arrays.asList("<s>", "see", "you"), Text.words("Hi there. see you ", false));
    assertEquals(Arrays.asList("don't", "go"), Text.words("don’t, go", false));
    assertEquals(Arrays.asList("<s>", "don't", "go"), Text.words("don’t, go", true));
    assertEquals(Arrays.asList("<s>"), Text.words("really?", true));
    assertEquals(Arrays.asList("<s>", "b"), Text.words("a\nb", false));
  }

  @Test
  public void sentencesBeginWithCapitals() {
    assertTrue(Text.startsSentence(""));
    assertTrue(Text.startsSentence("Yes. "));
    assertTrue(Text.startsSentence("Yes\n"));
    assertFalse(Text.startsSentence("yes."));
    assertFalse(Text.startsSentence("yes "));
    assertEquals("Über", Text.capitalized("über"));
    assertEquals("", Text.capitalized(""));
  }

  @Test
  public void wordsAreJoinedByOneSpace() {
    assertEquals("you", Text.joined("", "you"));
    assertEquals(" you", Text.joined("see", "you"));
    assertEquals("you", Text.joined("see ", "you"));
    assertEquals("you", Text.joined("(", "you"));
    assertEquals(" you", Text.joined("Well,", "you"));
  }
}
