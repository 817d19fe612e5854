"""Child of second_opinion.py: numpy and onnxruntime alone, so that any Python can run it."""

import base64
import json
import platform
import sys

import numpy as np
import onnxruntime

settings = onnxruntime.SessionOptions()
settings.intra_op_num_threads = 1
settings.log_severity_level = 3
session = onnxruntime.InferenceSession(sys.argv[1], settings, ["CPUExecutionProvider"])
print(json.dumps({"runtime": f"{onnxruntime.__version__} {platform.machine()}"}), flush=True)
for line in sys.stdin:
    given = {
        name: np.frombuffer(base64.b64decode(one["base64"]), one["dtype"]).reshape(one["shape"])
        for name, one in json.loads(line).items()
    }
    (answer,) = session.run(["log_probs"], given)
    packed = base64.b64encode(np.ascontiguousarray(answer).tobytes()).decode()
    about = {"dtype": answer.dtype.name, "shape": list(answer.shape), "base64": packed}
    print(json.dumps(about), flush=True)
