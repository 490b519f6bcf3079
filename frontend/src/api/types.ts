/** Short names for what the studio speaks of; the shapes come from its OpenAPI document. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Adapter = Schemas["AdapterOut"];
export type BulkEdit = Schemas["Prefix"] | Schemas["Suffix"] | Schemas["Replace"] | Schemas["SetTarget"];
export type Base = Schemas["BaseOut"];
export type Caller = Schemas["CallerOut"];
export type Comparison = Schemas["ComparisonOut"];
export type Dataset = Schemas["DatasetOut"];
export type Evaluation = Schemas["EvaluationOut"];
export type Item = Schemas["ItemOut"];
export type DryRun = Schemas["DryRunOut"];
export type Job = Schemas["JobOut"];
export type JobEvent = Schemas["EventOut"];
export type Settings = Schemas["SettingsOut"];
export type SetSummary = Schemas["DatasetSummary"];
export type TrainingOrder = Schemas["TrainingIn"];
