// What the adapter takes of FlorisBoard, made up for a test: names and types are FlorisBoard's, nothing else is.
package dev.patrickgold.florisboard.ime.core

data class Subtype(val id: Long)
