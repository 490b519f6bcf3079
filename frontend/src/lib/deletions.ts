/** Deleting what the studio keeps, and what that means. A result goes before the job that made it. */
import { call } from "../api/client";
import type { Adapter, Job, SetSummary } from "../api/types";
import { deleted } from "./server";
import { count } from "./wording";

export interface Deletion {
  what: string;
  consequences: string;
  ondelete: () => Promise<void>;
}

export function deletionOfSet(set: Pick<SetSummary, "id" | "name" | "item_count">): Deletion {
  return {
    what: `the caption set “${set.name}”`,
    consequences: `Its ${count(set.item_count, "portrait")} and captions go with it. Ended trainings and their adapters stay, but they cannot go on.`,
    ondelete: async () => {
      await call("delete", "/api/v1/datasets/{dataset_id}", { path: { dataset_id: set.id } });
      deleted([set.id], "datasets", "jobs");
    },
  };
}

export function deletionOfAdapter(adapter: Pick<Adapter, "id" | "target">): Deletion {
  return {
    what: `the adapter for “${adapter.target}”`,
    consequences: "All of its files go with it. The training that made it stays; pairs and measurements made with it must be deleted first.",
    ondelete: async () => {
      await removeAdapter(adapter.id);
      deleted([adapter.id], "adapters", "jobs");
    },
  };
}

export function deletionOfTraining(job: Job): Deletion {
  const own = "Its curves, previews, log and checkpoints go with it.";
  return {
    what: `the training of “${job.target ?? "a deleted set"}”`,
    consequences: job.adapter_id ? `${own} The adapter that it made goes, too.` : own,
    ondelete: async () => {
      if (job.adapter_id) await removeAdapter(job.adapter_id);
      await removeJob(job.id);
      deleted([job.id, job.adapter_id ?? ""], "adapters", "jobs");
    },
  };
}

export function deletionOfPair(job: Job): Deletion {
  return {
    what: "this pair",
    consequences: "Both pictures and all of their maps go with it. The adapter stays.",
    ondelete: async () => {
      if (job.comparison_id) {
        await call("delete", "/api/v1/comparisons/{comparison_id}", { path: { comparison_id: job.comparison_id } });
      }
      await removeJob(job.id);
      deleted([job.id, job.comparison_id ?? ""], "comparisons", "jobs");
    },
  };
}

export function deletionOfMeasurement(evaluation: { id: string; count: number }): Deletion {
  return {
    what: `the measurement on ${count(evaluation.count, "text")}`,
    consequences: "Its figures and pictures go with it. The adapter stays.",
    ondelete: async () => {
      await call("delete", "/api/v1/evaluations/{evaluation_id}", { path: { evaluation_id: evaluation.id } });
      deleted([evaluation.id], "evaluations", "jobs");
    },
  };
}

const removeAdapter = (id: string) => call("delete", "/api/v1/adapters/{adapter_id}", { path: { adapter_id: id } });
const removeJob = (id: string) => call("delete", "/api/v1/jobs/{job_id}", { path: { job_id: id } });
