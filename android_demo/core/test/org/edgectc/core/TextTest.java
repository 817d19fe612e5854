package org.edgectc.core;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import org.junit.Test;

public class TextTest {
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
