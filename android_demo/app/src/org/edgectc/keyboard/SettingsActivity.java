package org.edgectc.keyboard;

import android.app.AlertDialog;
import android.content.DialogInterface;
import android.content.Intent;
import android.os.Bundle;
import android.preference.ListPreference;
import android.preference.Preference;
import android.preference.PreferenceActivity;
import java.io.IOException;
import java.util.List;

/** The settings of res/xml/settings.xml, with the layouts that the package carries. */
@SuppressWarnings("deprecation") // what came after it is a library of its own
public final class SettingsActivity extends PreferenceActivity
    implements Preference.OnPreferenceClickListener, DialogInterface.OnClickListener {
  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    getPreferenceManager().setSharedPreferencesName(Settings.FILE);
    addPreferencesFromResource(R.xml.settings);
    List<Layout> layouts = Layout.of(Model.text(this, "layouts.txt"));
    String[] names = new String[layouts.size()], titles = new String[layouts.size()];
    for (int i = 0; i < names.length; i++) {
      names[i] = layouts.get(i).name;
      titles[i] = layouts.get(i).title;
    }
    ListPreference choice = (ListPreference) findPreference(Settings.LAYOUT);
    choice.setEntries(titles);
    choice.setEntryValues(names);
    if (choice.getValue() == null) choice.setValue(names[0]);
    for (String button : new String[] {Settings.CLEAR, Settings.SAVE_LEDGER, Settings.SAVE_SWIPES, Settings.DELETE_NOTES}) {
      findPreference(button).setOnPreferenceClickListener(this);
    }
    Pages.insets(getListView());
  }

  @Override
  public boolean onPreferenceClick(Preference button) {
    String name = button.getKey();
    if (name.equals(Settings.SAVE_LEDGER)) {
      Saved.ask(this, 0, Notes.LEDGER, "application/jsonl");
    } else if (name.equals(Settings.SAVE_SWIPES)) {
      Saved.ask(this, 1, Notes.SWIPES, "application/jsonl");
    } else if (name.equals(Settings.DELETE_NOTES)) {
      deleteNotes();
    } else {
      clear();
    }
    return true;
  }

  private void deleteNotes() {
    try {
      Notes.delete(this);
    } catch (IOException error) {
      Saved.say(this, error);
    }
  }

  @Override
  protected void onActivityResult(int asked, int result, Intent chosen) {
    try {
      Saved.write(this, chosen, Notes.text(this, asked == 0 ? Notes.LEDGER : Notes.SWIPES));
    } catch (IOException error) {
      Saved.say(this, error);
    }
  }

  private void clear() {
    new AlertDialog.Builder(this)
        .setMessage(R.string.clear_sure)
        .setPositiveButton(R.string.clear, this)
        .setNegativeButton(android.R.string.cancel, null)
        .show();
  }

  @Override
  public void onClick(DialogInterface dialog, int button) {
    Settings.of(this).set(Settings.CLEAR, true); // the keyboard does it when it is next shown
  }
}
