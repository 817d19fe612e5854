package android.view.inputmethod;

public interface InputConnection {
  CharSequence getTextBeforeCursor(int most, int flags);

  CharSequence getTextAfterCursor(int most, int flags);

  CharSequence getSelectedText(int flags);

  boolean deleteSurroundingText(int before, int after);

  boolean commitText(CharSequence text, int cursor);

  boolean setSelection(int start, int end);

  boolean performEditorAction(int action);

  boolean beginBatchEdit();

  boolean endBatchEdit();
}
