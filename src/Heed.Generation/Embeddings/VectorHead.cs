using Heed.Checkpoints;

namespace Heed.Generation.Embeddings;

/// <summary>
/// A linear layer that reads classes from a text's vector: <c>model_head.safetensors</c> beside a folder of sentence-transformers, with
/// <c>weight</c> [C, D] and <c>bias</c> [C]; the classes are <c>id2label</c> of config.json.
/// </summary>
/// <param name="Weights">[C, D] in row-major order.</param>
/// <param name="Biases">[C].</param>
internal sealed record VectorHead(float[] Weights, float[] Biases)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "model_head.safetensors";

    /// <summary>C.</summary>
    public int Classes => Biases.Length;

    /// <summary>D.</summary>
    public int Width => Weights.Length / Biases.Length;

    /// <summary>Reads a folder's head; null if it has none.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing, or the shapes do not fit together.</exception>
    public static VectorHead? Read(IModelFiles files)
    {
        if (!files.Contains(FileName)) return null;
        using SafetensorsFile file = SafetensorsFile.Open(files.Open(FileName));
        RawTensor weight = file["weight"], bias = file["bias"];
        if (weight.Shape.Count != 2 || bias.Shape.Count != 1 || weight.Shape[0] != bias.Shape[0] || bias.Shape[0] < 2)
            throw new InvalidFileException(file.Path, "", $"has weight [{string.Join(", ", weight.Shape)}] and bias "
                + $"[{string.Join(", ", bias.Shape)}]; [C, D] and [C] of 2 or more classes were expected");
        return new VectorHead(weight.ToFloats(), bias.ToFloats());
    }

    /// <summary>Writes the file.</summary>
    public void Save(string folder)
    {
        RawTensor[] tensors = [RawTensor.FromFloats("weight", [Classes, Width], Weights), RawTensor.FromFloats("bias", [Classes], Biases)];
        SafetensorsWriter.Write(Path.Combine(folder, FileName), tensors);
    }

    /// <summary>W·vector + b, summed in double precision.  [D] → [C].</summary>
    public float[] Scores(ReadOnlySpan<float> vector)
    {
        float[] scores = new float[Classes];
        for (int c = 0; c < scores.Length; c++)
        {
            double sum = Biases[c];
            for (int d = 0; d < vector.Length; d++) sum += (double)Weights[(c * vector.Length) + d] * vector[d];
            scores[c] = (float)sum;
        }

        return scores;
    }
}
