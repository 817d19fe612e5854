/* The JDK's jni.h wants it and uses nothing of it. */
#pragma once
