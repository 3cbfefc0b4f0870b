namespace Heed.Generation;

/// <summary>Who speaks in a chat.</summary>
public enum ChatRole
{
    /// <summary><c>system</c>: what the model is to be and do.</summary>
    System,

    /// <summary><c>user</c>: the one who asks.</summary>
    User,

    /// <summary><c>assistant</c>: the model.</summary>
    Assistant,

    /// <summary><c>tool</c>: the result of a function that the model called.</summary>
    Tool,
}

/// <summary>One message of a chat.</summary>
/// <param name="Role">Who speaks, as the folder's template names it: <c>system</c>, <c>user</c>, <c>assistant</c>, <c>tool</c>, or a role
/// of its own.</param>
/// <param name="Content">What is said.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>A message of one of the usual roles.</summary>
    /// <param name="role">Who speaks.</param>
    /// <param name="content">What is said.</param>
    public ChatMessage(ChatRole role, string content)
        : this(NameOf(role), content)
    {
    }

    private static string NameOf(ChatRole role) => role switch
    {
        ChatRole.System => "system",
        ChatRole.User => "user",
        ChatRole.Assistant => "assistant",
        ChatRole.Tool => "tool",
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, "The role is none of ChatRole; give its name as a text."),
    };
}
