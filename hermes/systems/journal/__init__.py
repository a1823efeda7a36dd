"""The journal: a target of app users that keeps everything in files for later (`CRM_TYPE=LOG`)."""
