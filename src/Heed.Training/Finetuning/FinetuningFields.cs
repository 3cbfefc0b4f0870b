using Heed.Training.Runs;
using Heed.Training.Tasks;
using Field = Heed.Training.Runs.SettingField<Heed.Training.Finetuning.FinetuningConfig>;

namespace Heed.Training.Finetuning;

/// <summary>The settings of a fine-tuning run, in the order of help and file.</summary>
internal static class FinetuningFields
{
    /// <summary>Fields of every run that fine-tuning reads in its own way: here a zero or nothing means "decide from the data".</summary>
    private static readonly Field[] Own =
    [
        Field.Long("steps", "optimizer steps; 0: as many as the epochs need", c => c.Steps, (c, v) => c with { Steps = v }, 0),
        Field.Number("learning_rate", "peak learning rate; 0: 5e-5 up to 30 M parameters, else 2e-5",
            c => c.LearningRate, (c, v) => c with { LearningRate = v }, 0, 10),
        Field.Long("warmup_steps", "steps over which the rate rises; if omitted 6 % of the steps",
            c => c.WarmupSteps, (c, v) => c with { WarmupSteps = v }, 0),
        Field.Long("evaluate_every", "steps between evaluations; 0: ten evaluations in all",
            c => c.EvaluateEvery, (c, v) => c with { EvaluateEvery = v }, 0),
        Field.Long("save_every", "steps between checkpoints; 0: at each evaluation", c => c.SaveEvery, (c, v) => c with { SaveEvery = v },
            0),
    ];

    /// <summary>All fields.</summary>
    public static IReadOnlyList<Field> All { get; } =
    [
        Field.Text("model", "model folder, or name of a pulled model, whose weights are trained further; a preset or config.json begins "
            + "with new weights", c => c.Model, (c, v) => c with { Model = v }),
        Field.Text("tokenizer", "tokenizer.json or its folder, for new weights; if omitted one is trained on the training texts",
            c => c.Tokenizer, (c, v) => c with { Tokenizer = v }),
        Field.Integer("vocabulary_size", "ids of a tokenizer that is trained", c
            => c.VocabularySize, (c, v) => c with { VocabularySize = v }, 257),
        Field.Word("task", "what is learned; if omitted what the data hold", FinetuningTask.Names, c
            => c.Task, (c, v) => c with { Task = v }),
        Field.Text("train", "training data: CSV, TSV, JSONL, JSON, Parquet, CoNLL, or a folder per class",
            c => c.Train, (c, v) => c with { Train = v }),
        Field.Text("dev", "data to evaluate on; none for none; if omitted a part of the training data", c
            => c.Dev, (c, v) => c with { Dev = v }),
        Field.Text("test", "data that the finished model is judged on once, and nothing is chosen by",
            c => c.Test, (c, v) => c with { Test = v }),
        Field.Number("held_out", "part of the training data held out if there is no dev file",
            c => c.HeldOut, (c, v) => c with { HeldOut = v }, 0.001, 0.9),
        Field.Texts("columns", "names of columns that cannot be found by themselves, such as text=Nachricht,label=Art",
            c => c.Columns, (c, v) => c with { Columns = v }),
        Field.Word("kind", "what the labels of a classification are; if omitted as the data show",
            ["single", "multiple", "regression"], c => c.Kind, (c, v) => c with { Kind = v }),
        Field.Texts("label_names", "names of labels that the data number, in order", c
            => c.LabelNames, (c, v) => c with { LabelNames = v }),
        Field.Text("prompt", "what the model reads of a text to rewrite, {source} standing for it; if omitted the model's prefix and the "
            + "text",
            c => c.Prompt, (c, v) => c with { Prompt = v }),
        Field.Text("chat_template", "file with the chat template of conversations, or chatml; if omitted the model's own",
            c => c.ChatTemplate, (c, v) => c with { ChatTemplate = v }),
        Field.Flag("skip_faulty", "leave out lines with faults, and list them", c => c.SkipFaulty, (c, v) => c with { SkipFaulty = v }),
        Field.Number("epochs", "times that the training data are read; 0: 3 for 2,000 examples or more, else enough for 300 steps, at "
            + "most 20",
            c => c.Epochs, (c, v) => c with { Epochs = v }, 0, 100_000),
        Field.Integer("batch_size", "examples of a micro-batch", c => c.BatchSize, (c, v) => c with { BatchSize = v }, 1),
        Field.Integer("maximum_length", "longest input in tokens; 0: what 99.5 % of the examples need, at most the model's positions",
            c => c.MaximumLength, (c, v) => c with { MaximumLength = v }, 0),
        Field.Integer("stride", "tokens that a window of a long context shares with the one before; 0: a quarter of the length (questions)",
            c => c.Stride, (c, v) => c with { Stride = v }, 0),
        Field.Flag("group_by_length", "batches of examples of similar length", c
            => c.GroupByLength, (c, v) => c with { GroupByLength = v }),
        Field.Flag("shuffle", "a new order of the examples in each epoch", c => c.Shuffle, (c, v) => c with { Shuffle = v }),
        Field.Number("head_rate", "rate of a new head as a multiple of the learning rate", c
            => c.HeadRate, (c, v) => c with { HeadRate = v }, 0, 1e4),
        Field.Number("layer_decay", "rate of each layer as a part of the rate of the layer above it",
            c => c.LayerDecay, (c, v) => c with { LayerDecay = v }, 0.01, 1),
        Field.Texts("freeze", "parameters that are not trained: patterns of names, such as *embeddings*",
            c => c.Freeze, (c, v) => c with { Freeze = v }),
        Field.Integer("lora", "rank of a low-rank adapter that is trained instead of the weights; 0 trains the weights",
            c => c.Lora, (c, v) => c with { Lora = v }, 0),
        Field.Number("lora_alpha", "alpha of the adapter; 0: as its rank", c => c.LoraAlpha, (c, v) => c with { LoraAlpha = v }, 0, 1e6),
        Field.Texts("lora_targets", "modules that are adapted, by the ends of their names, such as query,value; all-linear for all "
            + "projections",
            c => c.LoraTargets, (c, v) => c with { LoraTargets = v }),
        Field.Number("lora_dropout", "probability of dropout before the adapter", c => c.LoraDropout, (c, v) => c with { LoraDropout = v },
            0, 0.99),
        Field.Flag("dora", "DoRA: the adapter learns directions, and a magnitude for each output beside",
            c => c.Dora, (c, v) => c with { Dora = v }),
        Field.Text("class_weights", "weights of the classes: none, balanced, or name=weight,…",
            c => c.ClassWeights, (c, v) => c with { ClassWeights = v }),
        Field.Number("label_smoothing", "share of a target's mass that is spread over all classes",
            c => c.LabelSmoothing, (c, v) => c with { LabelSmoothing = v }, 0, 0.999),
        Field.Text("teacher", "folder of a finished classifier of the same labels that is learned from beside them (classification)",
            c => c.Teacher, (c, v) => c with { Teacher = v }),
        Field.OptionalNumber("temperature", "temperature of the teacher's probabilities; if omitted 2",
            c => c.Temperature, (c, v) => c with { Temperature = v }, 0.01, 1000),
        Field.OptionalNumber("soft_weight", "weight of the teacher's probabilities, the labels having the rest of 1; if omitted 0.5",
            c => c.SoftWeight, (c, v) => c with { SoftWeight = v }, 0, 1),
        Field.Integer("evaluate_written", "held-out texts that the model writes at each evaluation, for exact matches; 0: only at the end",
            c => c.EvaluateWritten, (c, v) => c with { EvaluateWritten = v }, 0),
        Field.OptionalNumber("dropout", "probability of dropout; if omitted as config.json says, and 0 for a preset",
            c => c.Dropout, (c, v) => c with { Dropout = v }, 0, 0.99),
        Field.Flag("few_shot", "learn a classification from few texts: pairs of texts, then a logistic regression over vectors",
            c => c.FewShot, (c, v) => c with { FewShot = v }),
        Field.Word("loss", "loss over vectors (similarity); if omitted what fits the data", SimilarityLoss.Names,
            c => c.Loss, (c, v) => c with { Loss = v }),
        Field.OptionalNumber("margin", "margin of a loss that has one (similarity); if omitted 5 of triplets, 0.5 of pairs",
            c => c.Margin, (c, v) => c with { Margin = v }, 0, 100),
        Field.OptionalText("query_prompt", "text before each first text (similarity), saved as the folder's prompt query; if omitted the "
            + "folder's own", c => c.QueryPrompt, (c, v) => c with { QueryPrompt = v }),
        Field.OptionalText("document_prompt", "text before each of the other texts (similarity), saved as the folder's prompt document; "
            + "if omitted the folder's own", c => c.DocumentPrompt, (c, v) => c with { DocumentPrompt = v }),
        Field.Integer("mine_negatives", "hard negatives found for each pair (similarity); 0 for none",
            c => c.MineNegatives, (c, v) => c with { MineNegatives = v }, 0),
        Field.Number("mine_margin", "part by which a hard negative's similarity is below its positive's",
            c => c.MineMargin, (c, v) => c with { MineMargin = v }, 0, 1),
        Field.Texts("matryoshka", "lengths to which vectors can be cut and still serve (similarity), such as 384,256,128",
            c => c.Matryoshka, (c, v) => c with { Matryoshka = v }),
        Field.Integer("mini_batch", "texts that run at once within a micro-batch, to save memory (similarity); 0 for all",
            c => c.MiniBatch, (c, v) => c with { MiniBatch = v }, 0),
        Field.Flag("calibrate", "fit a temperature, or thresholds of several labels, on the dev data",
            c => c.Calibrate, (c, v) => c with { Calibrate = v }),
        .. TrainingFields.Of<FinetuningConfig>().Select(f => Own.FirstOrDefault(o => o.Name == f.Name) ?? f),
    ];

    /// <summary>The field with this key, or null.</summary>
    public static Field? Find(string name) => All.FirstOrDefault(f => f.Name == name);
}
